import { openChunk } from '../core/chunk.ts';
import { IntegrityError } from '../core/errors.ts';
import type { Codec, Digest, StoredChunk } from '../core/ports.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { PackedChunk } from '../protocol/manifest.ts';
import type { ChunkRequest, ChunkSource } from './chunk-source.ts';
import type { WorkerStore } from './tolerant-store.ts';

interface StoreSourcePorts {
  readonly store: WorkerStore;
  readonly digest: Digest;
  readonly codec: Codec;
  /** A chunk that is still to be written. */
  unwritten(id: ChunkId): StoredChunk | undefined;
  /** Counts bytes that were found here. */
  count(plainBytes: number): void;
}

/** The chunks kept on this machine. A disk lies: what does not verify is deleted, and the next source is asked. */
export class StoreSource implements ChunkSource {
  readonly #ports: StoreSourcePorts;

  constructor(ports: StoreSourcePorts) {
    this.#ports = ports;
  }

  async take(chunks: readonly PackedChunk[], request: ChunkRequest): Promise<readonly PackedChunk[]> {
    const stored = await this.#ports.store.get(chunks.map((chunk) => chunk.id));
    const given = new Set<ChunkId>();
    const damaged: ChunkId[] = [];
    await Promise.all(
      chunks.map(async (chunk, index) => {
        const encoded = stored[index] ?? this.#ports.unwritten(chunk.id);
        if (!encoded) return;
        try {
          const plain = await openChunk(this.#ports, chunk, encoded);
          this.#ports.count(plain.length);
          given.add(chunk.id);
          request.deliver(chunk, plain, 'store');
        } catch (error) {
          if (!(error instanceof IntegrityError)) throw error;
          damaged.push(chunk.id);
        }
      }),
    );
    if (damaged.length > 0) await this.#ports.store.delete(damaged);
    return chunks.filter((chunk) => !given.has(chunk.id));
  }
}
