import type { ChunkId } from '../protocol/identifier.ts';
import type { CancelTimer, ChunkStore, Clock, Log, StoredChunk } from './ports.ts';

/** One transaction per megabyte: IndexedDB writes 64 KiB values twice as fast in batches. */
const BATCH_BYTES = 1024 * 1024;
/** The last chunks of a file are not kept from the swarm longer than this. */
const BATCH_DELAY_MS = 50;

/** Writes verified chunks in batches, one batch at a time. A store that fails costs nothing but the chunks in it. */
export class StoreWriter {
  readonly #store: ChunkStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onStored: (chunks: readonly ChunkId[]) => void;
  #batch = new Map<ChunkId, StoredChunk>();
  #batchBytes = 0;
  #writingBytes = 0;
  #cancelTimer: CancelTimer | undefined;
  #writing: Promise<void> | undefined;

  constructor(ports: { store: ChunkStore; clock: Clock; log: Log }, onStored: (chunks: readonly ChunkId[]) => void) {
    this.#store = ports.store;
    this.#clock = ports.clock;
    this.#log = ports.log;
    this.#onStored = onStored;
  }

  /** Bytes in memory that wait for the store. */
  get pendingBytes(): number {
    return this.#batchBytes + this.#writingBytes;
  }

  /** The bytes are read later: they must be neither changed nor transferred. */
  add(id: ChunkId, chunk: StoredChunk): void {
    if (this.#batch.has(id)) return;
    this.#batch.set(id, chunk);
    this.#batchBytes += chunk.bytes.length;
    if (this.#batchBytes >= BATCH_BYTES) this.#start();
    else this.#cancelTimer ??= this.#clock.after(BATCH_DELAY_MS, () => this.#start());
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    this.#start();
    while (this.#writing !== undefined) await this.#writing;
  }

  #start(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#writing !== undefined || this.#batch.size === 0) return;
    const batch = this.#batch;
    this.#writingBytes = this.#batchBytes;
    this.#batch = new Map();
    this.#batchBytes = 0;
    this.#writing = this.#write(batch).then(() => {
      this.#writingBytes = 0;
      this.#writing = undefined;
      this.#start();
    });
  }

  async #write(batch: ReadonlyMap<ChunkId, StoredChunk>): Promise<void> {
    try {
      await this.#store.put(batch);
      this.#onStored([...batch.keys()]);
    } catch (error) {
      // Quota or a lost database: the chunks were delivered, they are only not kept.
      this.#log.debug('store-write-failed', { chunks: batch.size, error });
    }
  }
}
