import { MAX_FRAGMENT_BYTES } from '../protocol/limits.ts';
import type { CancelTimer, Clock } from './ports.ts';

/**
 * Part of a second that may go out at once, and the most that one fragment takes: what is the page's own waits no longer
 * behind it, and neither do the round trips that say whether there is a queue (`politeness.ts`).
 */
const BURST_SECONDS = 1 / 32;
/** The timers of a page that is hidden fire once in a second: what would have gone out meanwhile goes out then. */
const LATE_SECONDS = 1;
const SMALLEST_FRAGMENT_BYTES = 1024;

interface Turn {
  readonly bytes: number;
  readonly start: () => void;
}

/**
 * One token bucket for all uploads of an engine: over any time it lets through no more than the cap times that time plus
 * one burst, or what a late timer has held up. Who waits is served in the order of asking; as a session asks for one
 * fragment at a time, all get the same.
 */
export class UploadCap {
  /** Let through so far. */
  passedBytes = 0;
  readonly #clock: Clock;
  readonly #capBytesPerSecond: number;
  #bytesPerMs = 0;
  #burstBytes = 0;
  readonly #queue: Turn[] = [];
  #tokens = Number.POSITIVE_INFINITY;
  #filledMs: number;
  #cancelTimer: CancelTimer | undefined;

  constructor(clock: Clock, bytesPerSecond: number | undefined) {
    this.#clock = clock;
    this.#capBytesPerSecond = bytesPerSecond ?? Number.POSITIVE_INFINITY;
    this.#filledMs = clock.now();
    this.limit(undefined);
    this.#tokens = this.#burstBytes;
  }

  /** Largest piece that may be asked for. */
  get fragmentBytes(): number {
    return Math.min(MAX_FRAGMENT_BYTES, this.#burstBytes);
  }

  /** For now less than the cap goes out, or as much as it allows. */
  limit(bytesPerSecond: number | undefined): void {
    const allowed = Math.min(this.#capBytesPerSecond, bytesPerSecond ?? Number.POSITIVE_INFINITY);
    this.#bytesPerMs = allowed / 1000;
    this.#burstBytes = Math.max(SMALLEST_FRAGMENT_BYTES, Math.floor(allowed * BURST_SECONDS));
    this.#tokens = Math.min(this.#tokens, this.#burstBytes);
    this.#wait();
  }

  /** Resolves when so many bytes, at most `fragmentBytes`, may be sent; `undefined` when that is now. */
  take(bytes: number): Promise<void> | undefined {
    if (this.#queue.length === 0 && this.#spend(bytes)) return undefined;
    return new Promise((start) => {
      this.#queue.push({ bytes, start });
      this.#wait();
    });
  }

  /** Nobody waits any more. */
  close(): void {
    this.#cancelTimer?.();
    for (const { start } of this.#queue.splice(0)) start();
  }

  #spend(bytes: number): boolean {
    this.passedBytes += bytes;
    if (this.#burstBytes === Number.POSITIVE_INFINITY) return true;
    this.#fill();
    if (this.#tokens < bytes) {
      this.passedBytes -= bytes;
      return false;
    }
    this.#tokens -= bytes;
    return true;
  }

  #fill(): void {
    const nowMs = this.#clock.now();
    const filled = this.#tokens + (nowMs - this.#filledMs) * this.#bytesPerMs;
    const most = this.#queue.length > 0 ? this.#bytesPerMs * 1000 * LATE_SECONDS : this.#burstBytes;
    // Never less than there was: who was served late asks again at once.
    this.#tokens = Math.max(this.#tokens, Math.min(most, filled));
    this.#filledMs = nowMs;
  }

  #wait(): void {
    const [first] = this.#queue;
    if (first === undefined || this.#cancelTimer !== undefined) return;
    // At least a millisecond: rounding must not turn the last missing fraction of a byte into a busy loop.
    const delayMs = Math.max(1, Math.ceil((first.bytes - this.#tokens) / this.#bytesPerMs));
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      this.#cancelTimer = undefined;
      for (let turn = this.#queue[0]; turn !== undefined && this.#spend(turn.bytes); turn = this.#queue[0]) {
        this.#queue.shift();
        turn.start();
      }
      this.#wait();
    });
  }
}
