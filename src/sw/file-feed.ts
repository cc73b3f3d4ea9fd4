import type { SourceName, Urgency } from '../protocol/bridge-message.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import { MAX_CHUNKS_PER_WANT } from '../protocol/limits.ts';
import type { PackedChunk } from '../protocol/manifest.ts';
import { type ChunkSource, takeFrom } from './chunk-source.ts';
import { FeedError } from './errors.ts';

/** Chunks asked for together: one transaction of the store, one message to the leader. */
export const BATCH_BYTES = 1024 * 1024;

/** How far it is ahead of its reader, at most: hides a round trip at 20 MB/s, and is all that a file takes of memory. */
const WINDOW_BYTES = 8 * BATCH_BYTES;

export interface FeedPiece {
  readonly chunk: PackedChunk;
  readonly plain: Uint8Array;
}

interface Waiter {
  resolve(piece: FeedPiece | undefined): void;
  reject(error: Error): void;
}

/**
 * Consecutive chunks in order, out of sources that give them in any order. Works only as far ahead as its window, and
 * only when its reader asks: what nobody reads is not fetched.
 */
export class FileFeed {
  /** Where the chunks that have come so far came from. */
  readonly cameFrom = new Set<SourceName>();
  readonly #chunks: readonly PackedChunk[];
  readonly #urgency: Urgency;
  readonly #sources: readonly ChunkSource[];
  readonly #stop = new AbortController();
  /** Settles when the last chunk was read, or one failed, or it was cancelled. Never rejects. */
  readonly done: Promise<void>;
  #settleDone: (() => void) | undefined;
  /** Places in the window that need a chunk: a file may repeat it. */
  readonly #uses = new Map<ChunkId, number>();
  readonly #held = new Map<ChunkId, FeedPiece>();
  readonly #failed = new Set<ChunkId>();
  /** The next place to be read, and the next to be asked for. */
  #position = 0;
  #asked = 0;
  #windowBytes = 0;
  #waiter: Waiter | undefined;

  constructor(
    chunks: readonly PackedChunk[],
    options: { readonly urgency: Urgency; readonly sources: readonly ChunkSource[] },
  ) {
    this.#chunks = chunks;
    this.#urgency = options.urgency;
    this.#sources = options.sources;
    this.done = new Promise((resolve) => {
      this.#settleDone = resolve;
    });
  }

  /**
   * The next chunk, `undefined` after the last. Not to be called again before it settled.
   *
   * @throws FeedError when no source has it.
   */
  async next(): Promise<FeedPiece | undefined> {
    const chunk = this.#chunks[this.#position];
    if (!chunk || this.#stop.signal.aborted) {
      this.cancel();
      return undefined;
    }
    this.#topUp();
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      this.#serve();
    });
  }

  cancel(): void {
    this.#stop.abort();
    this.#held.clear();
    this.#waiter?.resolve(undefined);
    this.#waiter = undefined;
    this.#settleDone?.();
  }

  #serve(): void {
    const waiter = this.#waiter;
    const chunk = this.#chunks[this.#position];
    if (!waiter || !chunk) return;
    const piece = this.#held.get(chunk.id);
    if (piece) {
      this.#waiter = undefined;
      this.#position += 1;
      this.#windowBytes -= chunk.plainBytes;
      const isLast = this.#release(chunk.id);
      // A response's stream takes the buffer away; a later place needs the bytes again.
      waiter.resolve(isLast ? piece : { chunk, plain: piece.plain.slice() });
    } else if (this.#failed.has(chunk.id)) {
      this.#waiter = undefined;
      waiter.reject(new FeedError(`no source has chunk ${chunk.id}`));
      this.cancel();
    }
  }

  /** Returns whether no other place in the window needs the chunk. */
  #release(id: ChunkId): boolean {
    const uses = (this.#uses.get(id) ?? 1) - 1;
    if (uses > 0) {
      this.#uses.set(id, uses);
      return false;
    }
    this.#uses.delete(id);
    this.#held.delete(id);
    return true;
  }

  #topUp(): void {
    while (this.#asked < this.#chunks.length && this.#windowBytes <= WINDOW_BYTES - BATCH_BYTES) {
      const batch: PackedChunk[] = [];
      let batchBytes = 0;
      while (batchBytes < BATCH_BYTES && batch.length < MAX_CHUNKS_PER_WANT) {
        const chunk = this.#chunks[this.#asked];
        if (!chunk) break;
        this.#asked += 1;
        batchBytes += chunk.plainBytes;
        const uses = this.#uses.get(chunk.id) ?? 0;
        this.#uses.set(chunk.id, uses + 1);
        if (uses === 0) batch.push(chunk);
      }
      this.#windowBytes += batchBytes;
      if (batch.length > 0) void this.#supply(batch);
    }
  }

  async #supply(batch: readonly PackedChunk[]): Promise<void> {
    const left = await takeFrom(this.#sources, batch, {
      urgency: this.#urgency,
      signal: this.#stop.signal,
      deliver: (chunk, plain, from) => {
        if (this.#stop.signal.aborted) return;
        this.cameFrom.add(from);
        this.#held.set(chunk.id, { chunk, plain });
        this.#serve();
      },
    });
    if (this.#stop.signal.aborted) return;
    for (const chunk of left) this.#failed.add(chunk.id);
    this.#serve();
  }
}
