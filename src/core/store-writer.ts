import type { ChunkId } from '../protocol/identifier.ts';
import type { CancelTimer, ChunkStore, Clock, Log, StoredChunk } from './ports.ts';

/** One transaction per megabyte: IndexedDB writes 64 KiB values twice as fast in batches. */
const BATCH_BYTES = 1024 * 1024;
/**
 * Writing starts when nothing has come for so long: a transfer is not slowed by its own keeping. What a worker has fetched
 * is told to its leader when it is written: with 400 ms, 9 of 17 crowds of twelve took more than 1.03 copies, for 7 of 25.
 */
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
  #cancelTimer: CancelTimer | undefined;
  #writing: Promise<void> | undefined;
  #settle: (() => void) | undefined;
  /** Resolves when nothing waits any more. */
  whenWritten: Promise<void> = Promise.resolve();

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
  unwritten(id: ChunkId): StoredChunk | undefined {
    return this.#waiting.get(id);
  }

  /** The bytes are read later: they must be neither changed nor transferred. */
  add(id: ChunkId, chunk: StoredChunk): void {
    if (this.#waiting.has(id)) return;
    if (!this.#settle) {
      this.whenWritten = new Promise((resolve) => {
        this.#settle = resolve;
      });
    }
    this.#waiting.set(id, chunk);
    this.#waitingBytes += chunk.bytes.length;
    if (this.#waitingBytes >= this.#maxWaitingBytes) this.#start(this.#maxWaitingBytes);
    this.#startLater();
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    while (this.#waiting.size > 0) {
      this.#start(0);
      await this.#writing;
    }
  }

  #startLater(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.after(IDLE_MS, () => this.#start(0));
  }

  /** Unless it writes already. */
  #start(leftBytes: number): void {
    this.#writing ??= this.#write(leftBytes).then(() => {
      this.#writing = undefined;
      // The pause may have come, and found this write under way.
      if (this.#waiting.size > 0) {
        this.#startLater();
        return;
      }
      this.#settle?.();
      this.#settle = undefined;
    });
  }

  async #write(leftBytes: number): Promise<void> {
    while (this.#waiting.size > 0 && this.#waitingBytes >= leftBytes) {
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
