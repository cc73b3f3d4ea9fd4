import type { ChunkId } from '../protocol/identifier.ts';
import type { CancelTimer, Clock } from './ports.ts';

/** What one peer was given, for comparison with the others. */
export interface UploadShare {
  /** Bytes, each by what it counted then. */
  servedBytes: number;
  /** Chunks, each as one. */
  servedChunks: number;
  /** What it says that it has, whoever gave it. */
  heldChunks(): number;
}

/** The right to send one chunk now. */
export interface UploadSlot {
  /** The chunk is on its way, or will not be sent. */
  release(): void;
}

interface Turn {
  readonly share: UploadShare;
  readonly chunk: ChunkId;
  readonly start: (slot: UploadSlot) => void;
}

/**
 * A chunk that goes out alone is at its peer, who can give it on, in a sixth of the time that it takes beside five others. In
 * the simulator 99 of 100 on lines of 2 to 20 Mbit/s were done after 1.20 x the fluid bound, after 1.23 with two at a time.
 * A path that does not fill the line is soon a slow one, which holds up nobody.
 */
const SLOTS = 1;
/** A chunk that takes so many times longer than others did goes over a slow path: it holds up nobody else. */
const SLOW_FACTOR = 3;
const SHORTEST_SLOW_MS = 500;
const LONGEST_SLOW_MS = 3000;
/** What a newcomer may get before its turns are those of everybody: its first chunks, so that it has something to give. */
const CREDIT_BYTES = 256 * 1024;

/** How much more, or less, a chunk may count for a peer that has more, or less, than the others. */
const CHARGE_LIMIT = 4;

/**
 * Which sessions send: a chunk at a time. First what nobody else can give: on a slow line everybody waited for the
 * last of it while others got second copies of the rest. Then the one whose peer got the least. A chunk counts less for
 * a peer that has less than the others, so who has few partners, and gets little of them together, gets more of each.
 */
export class UploadSlots {
  readonly #clock: Clock;
  readonly #firstCopies: Set<ChunkId>;
  readonly #waiting: Turn[] = [];
  #taken = 0;
  /** How long a chunk took, of late: on a slow line each of them takes long, as may be the case until one was sent. */
  #usualMs = LONGEST_SLOW_MS / SLOW_FACTOR;
  /** What the last one to begin had got: peers that come (back) are not counted as having got much less. */
  #level = 0;

  /** @param firstCopies Chunks that no partner has. What is sent is taken out: each goes first once. */
  constructor(clock: Clock, firstCopies: Set<ChunkId>) {
    this.#clock = clock;
    this.#firstCopies = firstCopies;
  }

  take(share: UploadShare, chunk: ChunkId, bytes: number): Promise<UploadSlot> {
    share.servedBytes = Math.max(share.servedBytes, this.#level - CREDIT_BYTES);
    return new Promise((start) => {
      this.#waiting.push({
        share,
        chunk,
        start: (slot) => {
          share.servedBytes += bytes * this.#charge(share);
          share.servedChunks += 1;
          start(slot);
        },
      });
      this.#next();
    });
  }

  #next(): void {
    while (this.#taken < SLOTS && this.#waiting.length > 0) {
      const [turn] = this.#waiting.splice(this.#nextTurn(), 1) as [Turn];
      this.#firstCopies.delete(turn.chunk);
      this.#level = Math.max(this.#level, turn.share.servedBytes);
      turn.start(this.#begin());
    }
  }

  #nextTurn(): number {
    let best = 0;
    let isFirst = false;
    for (const [index, { share, chunk }] of this.#waiting.entries()) {
      const isFirstCopy = this.#firstCopies.has(chunk);
      const isLess = share.servedBytes < (this.#waiting[best] as Turn).share.servedBytes;
      if (isFirstCopy === isFirst ? !isLess : isFirst) continue;
      best = index;
      isFirst = isFirstCopy;
    }
    return best;
  }

  /** What a byte counts: what this peer has, by what those who wait and it have on average. */
  #charge(share: UploadShare): number {
    const held = share.heldChunks();
    // It does not tell what it was given: nothing that it says counts.
    if (held < share.servedChunks) return 1;
    let sum = held;
    for (const { share: other } of this.#waiting) sum += other.heldChunks();
    if (sum === 0) return 1;
    const charge = (held / sum) * (this.#waiting.length + 1);
    return Math.min(CHARGE_LIMIT, Math.max(1 / CHARGE_LIMIT, charge));
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
    const slowMs = Math.min(LONGEST_SLOW_MS, Math.max(SHORTEST_SLOW_MS, SLOW_FACTOR * this.#usualMs));
    const cancelTimer: CancelTimer = this.#clock.after(slowMs, free);
    const begunMs = this.#clock.now();
    return {
      release: () => {
        cancelTimer();
        this.#usualMs += (this.#clock.now() - begunMs - this.#usualMs) / 8;
        free();
      },
    };
  }
}
