import type { ChunkId } from '../protocol/identifier.ts';
import type { CancelTimer, ChunkStore, Clock, Log, StoredChunk } from './ports.ts';

/** One transaction per megabyte: IndexedDB writes 64 KiB values twice as fast in batches. */
const BATCH_BYTES = 1024 * 1024;
/** Writing starts when nothing has come for so long: a transfer is not slowed by its own keeping. */
const IDLE_MS = 200;
/** Or when so much waits, which is also the most that a crash can cost. */
export const WRITE_BEHIND_BYTES = 64 * 1024 * 1024;
/** For who may be stopped at any moment, as a service worker is: what waits is one batch. */
export const WRITE_AT_ONCE_BYTES = BATCH_BYTES;

/**
 * Writes verified chunks behind the transfer, in batches, one at a time. Until they are written they can be had from
 * here. A store that fails costs nothing but the chunks in it.
 */
export class StoreWriter {
  readonly #store: Pick<ChunkStore, 'put'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #maxWaitingBytes: number;
  readonly #onStored: (chunks: readonly ChunkId[]) => void;
  readonly #waiting = new Map<ChunkId, StoredChunk>();
  #waitingBytes = 0;
  #lastAddedMs = 0;
  #cancelTimer: CancelTimer | undefined;
  #writing: Promise<void> | undefined;

  constructor(
    ports: { store: Pick<ChunkStore, 'put'>; clock: Clock; log: Log },
    maxWaitingBytes: number,
    onStored: (chunks: readonly ChunkId[]) => void,
  ) {
    this.#maxWaitingBytes = maxWaitingBytes;
    this.#store = ports.store;
    this.#clock = ports.clock;
    this.#log = ports.log;
    this.#onStored = onStored;
  }

  /** Bytes in memory that wait for the store. */
  get pendingBytes(): number {
    return this.#waitingBytes;
  }

  /** A chunk that is not written yet. */
  pending(id: ChunkId): StoredChunk | undefined {
    return this.#waiting.get(id);
  }

  /** The bytes are read later: they must be neither changed nor transferred. */
  add(id: ChunkId, chunk: StoredChunk): void {
    if (this.#waiting.has(id)) return;
    this.#waiting.set(id, chunk);
    this.#waitingBytes += chunk.bytes.length;
    this.#lastAddedMs = this.#clock.now();
    const isFull = (): boolean => this.#waitingBytes >= this.#maxWaitingBytes;
    if (isFull()) this.#start(isFull);
    this.#whenIdleLater();
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    while (this.#waiting.size > 0) {
      this.#start(() => true);
      await this.#writing;
    }
  }

  #whenIdleLater(): void {
    this.#cancelTimer ??= this.#clock.after(IDLE_MS, () => this.#whenIdle());
  }

  #whenIdle(): void {
    this.#cancelTimer = undefined;
    const restMs = this.#lastAddedMs + IDLE_MS - this.#clock.now();
    if (restMs > 0) this.#cancelTimer = this.#clock.after(restMs, () => this.#whenIdle());
    else this.#start(() => true);
  }

  #start(goOn: () => boolean): void {
    this.#writing ??= this.#write(goOn).then(() => {
      this.#writing = undefined;
      // The pause may have come, and found this write under way.
      if (this.#waiting.size > 0) this.#whenIdleLater();
    });
  }

  async #write(goOn: () => boolean): Promise<void> {
    while (this.#waiting.size > 0 && goOn()) {
      const batch = this.#nextBatch();
      try {
        await this.#store.put(batch);
        this.#onStored([...batch.keys()]);
      } catch (error) {
        // Quota or a lost database: the chunks were delivered, they are only not kept.
        this.#log.debug('store-write-failed', { chunks: batch.size, error });
      }
      for (const [id, { bytes }] of batch) {
        this.#waiting.delete(id);
        this.#waitingBytes -= bytes.length;
      }
    }
  }

  #nextBatch(): ReadonlyMap<ChunkId, StoredChunk> {
    const batch = new Map<ChunkId, StoredChunk>();
    let bytes = 0;
    for (const [id, chunk] of this.#waiting) {
      if (bytes >= BATCH_BYTES) break;
      batch.set(id, chunk);
      bytes += chunk.bytes.length;
    }
    return batch;
  }
}
