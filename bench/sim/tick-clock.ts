import type { CancelTimer, Clock } from '../../src/core/ports.ts';

interface Timer {
  run: (() => void) | undefined;
}

/**
 * Virtual time in steps of a millisecond. All that falls due in one step runs, then every promise that is ready: one turn
 * of Node's event loop a step instead of one a timer, and no heap to keep sorted, which is what millions of timers need.
 */
export class TickClock implements Clock {
  readonly #steps = new Map<number, Timer[]>();
  #nowMs = 0;
  /** Timers that ran. */
  events = 0;

  now(): number {
    return this.#nowMs;
  }

  after(milliseconds: number, run: () => void): CancelTimer {
    const timer: Timer = { run };
    const atMs = Math.ceil(this.#nowMs + Math.max(0, milliseconds));
    const step = this.#steps.get(atMs);
    if (step === undefined) this.#steps.set(atMs, [timer]);
    else step.push(timer);
    return () => {
      timer.run = undefined;
    };
  }

  /** Runs until `isDone` holds or the time has come. */
  async runUntil(isDone: () => boolean, endMs: number): Promise<void> {
    await settle();
    while (!isDone() && this.#nowMs < endMs) {
      for (let step = this.#take(); step !== undefined; step = this.#take()) {
        for (const { run } of step) {
          this.events += 1;
          run?.();
        }
        await settle();
      }
      this.#nowMs += 1;
    }
  }

  #take(): Timer[] | undefined {
    const step = this.#steps.get(this.#nowMs);
    this.#steps.delete(this.#nowMs);
    return step;
  }
}

/** One turn of the event loop: every promise that can settle without outside help has settled then. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
