import type { ChunkStore, Clock, StoredChunk } from '../core/ports.ts';
import type { ChunkId } from '../protocol/identifier.ts';

/** A database that is stuck takes seconds to say so; meanwhile pages must not wait for it again and again. */
const REST_MS = 10_000;

/** A worker's store ends with it. */
export type WorkerStore = Omit<ChunkStore, 'close'>;

/**
 * The chunk store as delivery sees it: private browsing, a lost connection or a full disk look like an empty store. Only
 * `put` tells, to the writer, who need not announce then what is not kept.
 */
export class TolerantStore implements WorkerStore {
  readonly #store: ChunkStore;
  readonly #clock: Clock;
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(store: ChunkStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  list(): Promise<ChunkId[]> {
    return this.#attempt(() => this.#store.list(), []);
  }

  get(ids: readonly ChunkId[]): Promise<(StoredChunk | undefined)[]> {
    return this.#attempt(() => this.#store.get(ids), []);
  }

  /** @throws StoreError */
  put(chunks: ReadonlyMap<ChunkId, StoredChunk>): Promise<void> {
    return this.#store.put(chunks);
  }

  delete(ids: readonly ChunkId[]): Promise<void> {
    return this.#attempt(() => this.#store.delete(ids), undefined);
  }

  async #attempt<T>(call: () => Promise<T>, otherwise: T): Promise<T> {
    if (this.#clock.now() < this.#restsUntilMs) return otherwise;
    try {
      return await call();
    } catch {
      this.#restsUntilMs = this.#clock.now() + REST_MS;
      return otherwise;
    }
  }
}
