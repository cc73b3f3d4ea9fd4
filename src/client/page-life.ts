/**
 * Calls `onSleep` before this page is frozen, put into the back/forward cache or thrown away, and `onWake` when it runs
 * again (Page Lifecycle API). One of them may come twice in a row, because browsers differ in which events they fire.
 */
export function watchPageLife(onSleep: () => void, onWake: () => void): void {
  addEventListener('pagehide', onSleep);
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) onWake();
  });
  document.addEventListener('freeze', onSleep);
  document.addEventListener('resume', onWake);
}
