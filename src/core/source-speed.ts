/** How fast one kind of source is, peers or origin. */
export interface Speed {
  /** Of the last time that means something; `undefined` until there was one. */
  readonly bytesPerMs: number | undefined;
  /** The better of the last two: of one bad moment nothing follows. */
  readonly recentBytesPerMs: number | undefined;
  /** A quarter faster than when it last grew: it is still getting under way. */
  readonly isGrowing: boolean;
}

/**
 * Enough to say something about peers: so long, or so many bytes. In a crowd on a busy machine two seconds and a mebibyte
 * were not: after one bad moment two of six took whole copies from the origin.
 */
const SAMPLE_MS = 5000;
const SAMPLE_BYTES = 4 * 1024 * 1024;
/** About the origin: what one of a crowd fetches for all of a small file, so that it need not fetch more to know. */
export const ORIGIN_SAMPLE_BYTES = 1024 * 1024;
/** A large sample in less than this was on its way before the clock ran. */
const SHORTEST_SAMPLE_MS = 50;
const GROWTH = 1.25;

/**
 * Measures what all sources of one kind give together while something is asked of them. A first small sample says
 * nothing, and neither does a pause. Pure: time comes in.
 */
export class SourceSpeed implements Speed {
  bytesPerMs: number | undefined;
  recentBytesPerMs: number | undefined;
  isGrowing = true;
  readonly #sampleBytes: number;
  #bestBytesPerMs = 0;
  #activeSinceMs: number | undefined;
  #activeMs = 0;
  #bytes = 0;

  constructor(sampleBytes = SAMPLE_BYTES) {
    this.#sampleBytes = sampleBytes;
  }

  onBytes(bytes: number): void {
    this.#bytes += bytes;
  }

  /** @param isActive something is asked of them from now on. */
  update(isActive: boolean, nowMs: number): void {
    if (this.#activeSinceMs !== undefined) this.#activeMs += nowMs - this.#activeSinceMs;
    this.#activeSinceMs = isActive ? nowMs : undefined;
    const isLong = this.#activeMs >= SAMPLE_MS;
    const isLarge = this.#bytes >= this.#sampleBytes && this.#activeMs >= SHORTEST_SAMPLE_MS;
    if (!isLong && !isLarge) return;
    const beforeBytesPerMs = this.bytesPerMs ?? 0;
    this.bytesPerMs = this.#bytes / this.#activeMs;
    this.recentBytesPerMs = Math.max(beforeBytesPerMs, this.bytesPerMs);
    this.isGrowing = this.bytesPerMs >= this.#bestBytesPerMs * GROWTH;
    if (this.isGrowing) this.#bestBytesPerMs = this.bytesPerMs;
    this.#activeMs = 0;
    this.#bytes = 0;
  }

  /** A new task: what it was says little about what it is. */
  restart(): void {
    this.bytesPerMs = undefined;
    this.recentBytesPerMs = undefined;
    this.isGrowing = true;
    this.#bestBytesPerMs = 0;
    this.#activeSinceMs = undefined;
    this.#activeMs = 0;
    this.#bytes = 0;
  }
}
