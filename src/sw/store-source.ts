import { openChunk } from '../core/chunk.ts';
import type { ChunkStore, Codec, Digest, Log, StoredChunk } from '../core/ports.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { PackedChunk } from '../protocol/manifest.ts';
import type { ChunkRequest, ChunkSource } from './chunk-source.ts';

interface StoreSourcePorts {
  readonly store: ChunkStore;
  readonly digest: Digest;
  readonly codec: Codec;
  readonly log: Log;
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
    let stored: readonly (StoredChunk | undefined)[];
    try {
      stored = await this.#ports.store.get(chunks.map((chunk) => chunk.id));
    } catch (error) {
      // Private browsing, a lost connection, no space: delivery goes on without what is kept.
      this.#ports.log.debug('store-read-failed', { error });
      return chunks;
    }
    const damaged: ChunkId[] = [];
    const isGiven = await Promise.all(
      chunks.map(async (chunk, index) => {
        const encoded = stored[index];
        if (encoded === undefined) return false;
        try {
          const plain = await openChunk(this.#ports, chunk, encoded);
          this.#ports.count(chunk.plainBytes);
          request.deliver(chunk, plain, 'store');
          return true;
        } catch (error) {
          this.#ports.log.debug('stored-chunk-damaged', { chunk: chunk.id, error });
          damaged.push(chunk.id);
          return false;
        }
      }),
    );
    if (damaged.length > 0) await this.#forget(damaged);
    return chunks.filter((_, index) => !isGiven[index]);
  }

  async #forget(damaged: readonly ChunkId[]): Promise<void> {
    try {
      await this.#ports.store.delete(damaged);
    } catch (error) {
      // It stays damaged and is overwritten by the good chunk that comes now, or found again next time.
      this.#ports.log.debug('store-delete-failed', { error });
    }
  }
}
