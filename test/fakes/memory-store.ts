import type { StoreError } from '../../src/core/errors.ts';
import type { ChunkStore, StoredChunk } from '../../src/core/ports.ts';
import type { ChunkId } from '../../src/protocol/identifier.ts';

export class MemoryStore implements ChunkStore {
  readonly chunks = new Map<ChunkId, StoredChunk>();
  /** While set, every call rejects with it. */
  failure: StoreError | undefined;

  async list(): Promise<ChunkId[]> {
    this.#failIfTold();
    return [...this.chunks.keys()];
  }

  async get(ids: readonly ChunkId[]): Promise<(StoredChunk | undefined)[]> {
    this.#failIfTold();
    return ids.map((id) => this.chunks.get(id)).map((chunk) => chunk && copyOf(chunk));
  }

  async put(chunks: ReadonlyMap<ChunkId, StoredChunk>): Promise<void> {
    this.#failIfTold();
    for (const [id, chunk] of chunks) this.chunks.set(id, copyOf(chunk));
  }

  async delete(ids: readonly ChunkId[]): Promise<void> {
    this.#failIfTold();
    for (const id of ids) this.chunks.delete(id);
  }

  async close(): Promise<void> {
    // Nothing is held open. What was stored stays, as on a disk.
  }

  /** Flips a bit of what is stored, as a failing disk does. */
  damage(id: ChunkId): void {
    const chunk = this.chunks.get(id);
    if (chunk === undefined) throw new Error(`chunk ${id} is not stored`);
    const bytes = chunk.bytes.slice();
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    this.chunks.set(id, { encoding: chunk.encoding, bytes });
  }

  #failIfTold(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}

function copyOf(chunk: StoredChunk): StoredChunk {
  return { encoding: chunk.encoding, bytes: chunk.bytes.slice() };
}
