import type { CancelTimer, Clock } from './ports.ts';

/**
 * A timer that is put off again and again, with each chunk for instance: the clock is asked for another one only when the
 * last has run out, or would come too late.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #dueMs = 0;
  #timerMs = Number.POSITIVE_INFINITY;
  #cancelTimer: CancelTimer | undefined;

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Due in so many milliseconds; when it was due before is forgotten. */
  set(delayMs: number): void {
    this.#dueMs = this.#clock.now() + delayMs;
    this.#wait();
  }

  #wait(): void {
    if (this.#timerMs <= this.#dueMs) return;
    this.#cancelTimer?.();
    this.#timerMs = this.#dueMs;
    this.#cancelTimer = this.#clock.after(this.#dueMs - this.#clock.now(), () => {
      this.#timerMs = Number.POSITIVE_INFINITY;
      if (this.#clock.now() < this.#dueMs) this.#wait();
      else this.#onDue();
    });
  }
}
