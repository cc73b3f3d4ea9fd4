import type { StoreError } from '../../src/core/errors.ts';
import type { ChunkStore, StoredChunk } from '../../src/core/ports.ts';
import type { ChunkId } from '../../src/protocol/identifier.ts';

export class MemoryStore implements ChunkStore {
  readonly chunks = new Map<ChunkId, StoredChunk>();
  /** While set, every call rejects with it. */
  failure: StoreError | undefined;

  list(): Promise<ChunkId[]> {
    return this.#act(() => [...this.chunks.keys()]);
  }

  get(ids: readonly ChunkId[]): Promise<(StoredChunk | undefined)[]> {
    return this.#act(() => ids.map((id) => this.chunks.get(id)).map((chunk) => chunk && copyOf(chunk)));
  }

  put(chunks: ReadonlyMap<ChunkId, StoredChunk>): Promise<void> {
    return this.#act(() => {
      for (const [id, chunk] of chunks) this.chunks.set(id, copyOf(chunk));
    });
  }

  delete(ids: readonly ChunkId[]): Promise<void> {
    return this.#act(() => {
      for (const id of ids) this.chunks.delete(id);
    });
  }

  /** Nothing is held open. What was stored stays, as on a disk. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Flips a bit of what is stored, as a failing disk does. */
  damage(id: ChunkId): void {
    const chunk = this.chunks.get(id);
    if (chunk === undefined) throw new Error(`chunk ${id} is not stored`);
    const bytes = chunk.bytes.slice();
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    this.chunks.set(id, { encoding: chunk.encoding, bytes });
  }

  #act<T>(action: () => T): Promise<T> {
    return this.failure === undefined ? Promise.resolve(action()) : Promise.reject(this.failure);
  }
}

function copyOf(chunk: StoredChunk): StoredChunk {
  return { encoding: chunk.encoding, bytes: chunk.bytes.slice() };
}
