import type { ChunkStore, StoredChunk } from '../core/ports.ts';
import type { ChunkId } from '../protocol/identifier.ts';

export interface StoreObserver {
  onStored(ids: readonly ChunkId[]): void;
  /** Deleted because damaged, or never written because the disk failed. */
  onLost(ids: readonly ChunkId[]): void;
}

/** A store that tells a mirror what is in it: the engine delivers a chunk before it is written. */
export class ObservedStore implements ChunkStore {
  observer: StoreObserver | undefined;
  readonly #store: ChunkStore;
  readonly #ids = new Set<ChunkId>();

  constructor(store: ChunkStore) {
    this.#store = store;
  }

  /** What is known to be there, after the first `list`. */
  get ids(): ReadonlySet<ChunkId> {
    return this.#ids;
  }

  async list(): Promise<ChunkId[]> {
    const ids = await this.#store.list();
    for (const id of ids) this.#ids.add(id);
    return ids;
  }

  get(ids: readonly ChunkId[]): Promise<(StoredChunk | undefined)[]> {
    return this.#store.get(ids);
  }

  async put(chunks: ReadonlyMap<ChunkId, StoredChunk>): Promise<void> {
    const ids = [...chunks.keys()];
    try {
      await this.#store.put(chunks);
    } catch (error) {
      this.observer?.onLost(ids);
      throw error;
    }
    for (const id of ids) this.#ids.add(id);
    this.observer?.onStored(ids);
  }

  async delete(ids: readonly ChunkId[]): Promise<void> {
    await this.#store.delete(ids);
    for (const id of ids) this.#ids.delete(id);
    this.observer?.onLost(ids);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
