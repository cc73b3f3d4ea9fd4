import type { CancelTimer, Clock } from './ports.ts';

/** What one peer was given, for comparison with the others. */
export interface UploadShare {
  servedBytes: number;
}

/** The right to send one chunk now. */
export interface UploadSlot {
  /** The chunk is on its way, or will not be sent. */
  release(): void;
}

interface Turn {
  readonly share: UploadShare;
  readonly start: (slot: UploadSlot) => void;
}

/**
 * A chunk that goes out alone is at its peer, who can give it on, in a sixth of the time that it takes beside five others.
 * Several, because one path may not fill the line.
 */
const SLOTS = 3;
/** A chunk that takes longer goes over a slow path: it holds up nobody else. */
const SLOW_MS = 500;
/** What a newcomer may get before its turns are those of everybody: its first chunks, so that it has something to give. */
const CREDIT_BYTES = 256 * 1024;

/** Which sessions send: a few chunks at a time, next the one whose peer got the least. */
export class UploadSlots {
  readonly #clock: Clock;
  readonly #waiting: Turn[] = [];
  #taken = 0;
  /** What the last one to begin had got: peers that come (back) are not counted as having got much less. */
  #level = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(share: UploadShare, bytes: number): Promise<UploadSlot> {
    share.servedBytes = Math.max(share.servedBytes, this.#level - CREDIT_BYTES);
    return new Promise((start) => {
      this.#waiting.push({
        share,
        start: (slot) => {
          share.servedBytes += bytes;
          start(slot);
        },
      });
      this.#next();
    });
  }

  #next(): void {
    while (this.#taken < SLOTS && this.#waiting.length > 0) {
      let least = 0;
      for (const [index, { share }] of this.#waiting.entries()) {
        if (share.servedBytes < (this.#waiting[least] as Turn).share.servedBytes) least = index;
      }
      const [turn] = this.#waiting.splice(least, 1) as [Turn];
      this.#level = Math.max(this.#level, turn.share.servedBytes);
      turn.start(this.#begin());
    }
  }

  #begin(): UploadSlot {
    this.#taken += 1;
    let isFree = false;
    const free = (): void => {
      if (isFree) return;
      isFree = true;
      this.#taken -= 1;
      this.#next();
    };
    const cancelTimer: CancelTimer = this.#clock.after(SLOW_MS, free);
    return {
      release: () => {
        cancelTimer();
        free();
      },
    };
  }
}
