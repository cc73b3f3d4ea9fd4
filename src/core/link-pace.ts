import { MAX_FRAGMENT_BYTES } from '../protocol/limits.ts';
import { LINK_HIGH_WATER_BYTES } from './ports.ts';

/** Rates over less than this are noise. */
const SAMPLE_MS = 50;
/** How long one frame may occupy the path: what comes after it, an answer to a ping or a `have`, waits no longer. */
const FRAGMENT_MS = 10;
/** How much may wait in the link's own queue, where nothing can overtake it. */
const BUFFER_MS = 100;
/** Smaller frames cost more in headers and events than they save in waiting. */
const MINIMUM_FRAGMENT_BYTES = 16 * 1024;
const MINIMUM_BUFFER_BYTES = 4 * MINIMUM_FRAGMENT_BYTES;
/** Until something was measured: 64 KiB is a tenth of a second at 5 Mbit/s. */
const FIRST_FRAGMENT_BYTES = 64 * 1024;

/**
 * How much is put on a link at once, by the rate at which it has taken what it was given: large frames where the path is
 * fast (an event of a browser costs the same for 16 KiB as for 256), small ones where they would block it. Pure: time
 * comes in.
 */
export class LinkPace {
  #rate = 0;
  #startMs: number | undefined;
  #startBuffered = 0;
  #handed = 0;

  /** Bytes of chunk in the next frame, at most. */
  get fragmentBytes(): number {
    if (this.#rate === 0) return FIRST_FRAGMENT_BYTES;
    return Math.min(MAX_FRAGMENT_BYTES, Math.max(MINIMUM_FRAGMENT_BYTES, Math.floor(this.#rate * FRAGMENT_MS)));
  }

  /** Bytes in the link's queue at which sending stops. */
  get bufferBytes(): number {
    if (this.#rate === 0) return LINK_HIGH_WATER_BYTES / 4;
    return Math.min(LINK_HIGH_WATER_BYTES, Math.max(MINIMUM_BUFFER_BYTES, Math.floor(this.#rate * BUFFER_MS)));
  }

  /** `bytes` were handed to the link, whose queue is `bufferedBytes` long since. */
  onSent(bytes: number, bufferedBytes: number, nowMs: number): void {
    if (this.#startMs === undefined) {
      this.#restart(bufferedBytes, nowMs);
      return;
    }
    this.#handed += bytes;
    const elapsedMs = nowMs - this.#startMs;
    if (elapsedMs < SAMPLE_MS) return;
    const sample = (this.#startBuffered + this.#handed - bufferedBytes) / elapsedMs;
    // An empty queue says that there was too little to send, not that the path is slow.
    if (bufferedBytes > 0 && this.#rate > 0) this.#rate += (sample - this.#rate) / 4;
    else this.#rate = Math.max(this.#rate, sample);
    this.#restart(bufferedBytes, nowMs);
  }

  /** There is nothing to send: a pause is not a slow path. */
  onIdle(): void {
    this.#startMs = undefined;
  }

  #restart(bufferedBytes: number, nowMs: number): void {
    this.#startMs = nowMs;
    this.#startBuffered = bufferedBytes;
    this.#handed = 0;
  }
}
