import type { CancelTimer, Clock } from '../core/ports.ts';

/** Chromium stops a worker after 30 s without an event, Firefox too: three chances for one to get through. */
export const KEEP_ALIVE_MS = 10_000;

/** Keeps the worker running while something waits for it. No timer runs while nothing does. */
export class KeepAlive {
  readonly #clock: Clock;
  readonly #ping: () => void;
  #holders = 0;
  #cancelTimer: CancelTimer | undefined;

  constructor(clock: Clock, ping: () => void) {
    this.#clock = clock;
    this.#ping = ping;
  }

  /** Until the returned function is called, which may be called again without harm. */
  hold(): () => void {
    let holds = true;
    this.#holders += 1;
    if (this.#holders === 1) this.#wait();
    return () => {
      if (!holds) return;
      holds = false;
      this.#holders -= 1;
      if (this.#holders === 0) this.#cancelTimer?.();
    };
  }

  #wait(): void {
    this.#cancelTimer = this.#clock.after(KEEP_ALIVE_MS, () => {
      this.#ping();
      this.#wait();
    });
  }
}
