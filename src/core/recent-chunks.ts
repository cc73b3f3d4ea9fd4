import type { ChunkId } from '../protocol/identifier.ts';
import type { CancelTimer, Clock, StoredChunk } from './ports.ts';

/** What nobody asked for in so long is given back to the browser. */
const KEEP_MS = 30_000;

interface Kept {
  readonly stored: StoredChunk;
  usedMs: number;
}

/**
 * Verified chunks of the last half minute, in memory: what just came is what the neighbours want next, and reading it
 * back from the store, with its hash, cost a seed a third of its work. The least recently used go first.
 */
export class RecentChunks {
  readonly #clock: Clock;
  readonly #maximumBytes: number;
  /** From the least to the most recently used. */
  readonly #chunks = new Map<ChunkId, Kept>();
  #bytes = 0;
  #cancelSweep: CancelTimer | undefined;

  constructor(clock: Clock, maximumBytes: number) {
    this.#clock = clock;
    this.#maximumBytes = maximumBytes;
  }

  add(id: ChunkId, stored: StoredChunk): void {
    this.delete(id);
    this.#chunks.set(id, { stored, usedMs: this.#clock.now() });
    this.#bytes += stored.bytes.length;
    for (const oldest of this.#chunks.keys()) {
      if (this.#bytes <= this.#maximumBytes) break;
      this.delete(oldest);
    }
    this.#cancelSweep ??= this.#clock.after(KEEP_MS, () => this.#sweep());
  }

  get(id: ChunkId): StoredChunk | undefined {
    const kept = this.#chunks.get(id);
    if (kept === undefined) return undefined;
    kept.usedMs = this.#clock.now();
    this.#chunks.delete(id);
    this.#chunks.set(id, kept);
    return kept.stored;
  }

  delete(id: ChunkId): void {
    const kept = this.#chunks.get(id);
    if (kept === undefined) return;
    this.#chunks.delete(id);
    this.#bytes -= kept.stored.bytes.length;
  }

  close(): void {
    this.#cancelSweep?.();
    this.#chunks.clear();
    this.#bytes = 0;
  }

  #sweep(): void {
    this.#cancelSweep = undefined;
    const nowMs = this.#clock.now();
    for (const [id, { usedMs }] of this.#chunks) {
      if (nowMs - usedMs < KEEP_MS) {
        this.#cancelSweep = this.#clock.after(usedMs + KEEP_MS - nowMs, () => this.#sweep());
        return;
      }
      this.delete(id);
    }
  }
}
