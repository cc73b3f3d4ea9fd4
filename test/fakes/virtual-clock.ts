import type { CancelTimer, Clock } from '../../src/core/ports.ts';

interface Timer {
  readonly atMs: number;
  /** Timers of the same instant run in the order in which they were set. */
  readonly order: number;
  run: (() => void) | undefined;
}

const DEFAULT_LIMIT_MS = 60 * 60_000;

/**
 * Time that passes only when a test says so. Between two timers every promise chain that is ready runs to its end, so a
 * test with fakes alone is deterministic. Work of real threads (WebCrypto, zlib) is not waited for: use `syncDigest` and
 * `syncCodec`.
 */
export class VirtualClock implements Clock {
  readonly #timers: Timer[] = [];
  #nowMs = 0;
  #order = 0;

  now(): number {
    return this.#nowMs;
  }

  after(milliseconds: number, run: () => void): CancelTimer {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, milliseconds), order: this.#order++, run };
    this.#push(timer);
    return () => {
      timer.run = undefined;
    };
  }

  /** Runs all that falls due within `milliseconds`, then sets the time to its end. */
  async advance(milliseconds: number): Promise<void> {
    const endMs = this.#nowMs + milliseconds;
    await settle();
    while (this.#nextMs() <= endMs) {
      this.#runNext();
      await settle();
    }
    this.#nowMs = endMs;
  }

  /**
   * Jumps from timer to timer until `predicate` holds.
   *
   * @throws Error when no timer is left or `limitMs` of virtual time has passed: what the test waits for never comes.
   */
  async runUntil(predicate: () => boolean, limitMs: number = DEFAULT_LIMIT_MS): Promise<void> {
    const endMs = this.#nowMs + limitMs;
    await settle();
    while (!predicate()) {
      const nextMs = this.#nextMs();
      if (nextMs === Number.POSITIVE_INFINITY) throw new Error(`nothing is left to happen at ${this.#nowMs} ms`);
      if (nextMs > endMs) throw new Error(`still waiting after ${limitMs} ms of virtual time`);
      this.#runNext();
      await settle();
    }
  }

  /** The thread is busy for so long: what falls due meanwhile runs late, in its order. */
  block(milliseconds: number): void {
    this.#nowMs += milliseconds;
  }

  #nextMs(): number {
    while (this.#timers[0] !== undefined && this.#timers[0].run === undefined) this.#pop();
    return this.#timers[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  #runNext(): void {
    const timer = this.#pop();
    if (timer === undefined) return;
    this.#nowMs = Math.max(this.#nowMs, timer.atMs);
    timer.run?.();
  }

  #push(timer: Timer): void {
    const heap = this.#timers;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex] as Timer;
      if (isBefore(parent, timer)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#timers;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || last === first) return first;
    let index = 0;
    for (;;) {
      let childIndex = index * 2 + 1;
      let child = heap[childIndex];
      const right = heap[childIndex + 1];
      if (child !== undefined && right !== undefined && isBefore(right, child)) {
        childIndex += 1;
        child = right;
      }
      if (child === undefined || isBefore(last, child)) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(left: Timer, right: Timer): boolean {
  return left.atMs === right.atMs ? left.order < right.order : left.atMs < right.atMs;
}

/** One turn of the event loop: every promise that can settle without outside help has settled then. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
