import type { Clock } from '../core/ports.ts';

/** A page that navigates often must not ask for news each time; the pointer is below 1 KB. */
const INTERVAL_MS = 60_000;
/**
 * Pages look for news when they were loaded, and make the manifest of an earlier one; later, the worker does for those that
 * do not. The first release is worth waiting for before pages are taken over, but no longer either.
 */
export const PATIENCE_MS = 10_000;

/** When news was last looked for, and who looks for it after a navigation. */
export class CheckSchedule {
  readonly #clock: Clock;
  #begunAtMs = Number.NEGATIVE_INFINITY;
  #endWait: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isDue(intervalMs = INTERVAL_MS): boolean {
    return this.#clock.now() - this.#begunAtMs >= intervalMs;
  }

  begin(): void {
    this.#begunAtMs = this.#clock.now();
    this.#endWait?.();
  }

  /**
   * Resolves when a page's check begins, or with `check` when none does. At once where none will be due: an event that
   * goes on keeps a newer worker waiting, whatever its `skipWaiting`.
   */
  async leaveToPage(check: () => Promise<void>): Promise<void> {
    if (this.#endWait || !this.isDue(INTERVAL_MS - PATIENCE_MS)) return;
    const isLeft = await new Promise<boolean>((resolve) => {
      this.#clock.after(PATIENCE_MS, () => resolve(true));
      this.#endWait = () => resolve(false);
    });
    this.#endWait = undefined;
    if (isLeft) await check();
  }
}
