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

/** A page that never ends loading is as good as loaded by then. */
const LOADED_MS = 5000;
/** A page that is never idle for a moment gets no longer. */
const IDLE_MS = 1000;

/** Calls `start`, once, when this page has loaded and has nothing to do; what is returned prevents that. */
export function whenPageIsQuiet(start: () => void): () => void {
  let isDue = true;
  const run = (): void => {
    if (isDue) start();
    isDue = false;
  };
  const wait = (): void => {
    // Missing in Safari.
    if ('requestIdleCallback' in globalThis) requestIdleCallback(run, { timeout: IDLE_MS });
    else setTimeout(run, 0);
  };
  if (document.readyState === 'complete') wait();
  else {
    addEventListener('load', wait, { once: true });
    setTimeout(wait, LOADED_MS);
  }
  return () => {
    isDue = false;
  };
}
