import { StoreError } from '../core/errors.ts';
import type { ChunkStore, StoredChunk } from '../core/ports.ts';
import type { ChunkId } from '../protocol/identifier.ts';

export interface StoreObserver {
  onStored(ids: readonly ChunkId[]): void;
  /** Were there and are not any more: found damaged, or gone. */
  onLost(ids: readonly ChunkId[]): void;
  /** The disk did not take them; `isFinal`: it has reached its limit, and will not. */
  onRefused(ids: readonly ChunkId[], isFinal: boolean): void;
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

  async get(ids: readonly ChunkId[]): Promise<(StoredChunk | undefined)[]> {
    const chunks = await this.#store.get(ids);
    this.#lose(ids.filter((_, position) => chunks[position] === undefined));
    return chunks;
  }

  async put(chunks: ReadonlyMap<ChunkId, StoredChunk>): Promise<void> {
    const ids = [...chunks.keys()];
    try {
      await this.#store.put(chunks);
    } catch (error) {
      this.observer?.onRefused(ids, error instanceof StoreError && error.code === 'disk-limit');
      throw error;
    }
    for (const id of ids) this.#ids.add(id);
    this.observer?.onStored(ids);
  }

  async delete(ids: readonly ChunkId[]): Promise<void> {
    await this.#store.delete(ids);
    this.#lose(ids);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #lose(ids: readonly ChunkId[]): void {
    const lost = ids.filter((id) => this.#ids.delete(id));
    if (lost.length > 0) this.observer?.onLost(lost);
  }
}
