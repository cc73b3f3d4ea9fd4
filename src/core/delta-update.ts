import type { ChunkId } from '../protocol/identifier.ts';
import type { Manifest, PackedChunk } from '../protocol/manifest.ts';
import { openChunk } from './chunk.ts';
import { chunksByDelta, type MadeChunk, type NamedManifest } from './delta.ts';
import { IntegrityError } from './errors.ts';
import type { ChunkStore, Codec, Digest } from './ports.ts';
import type { Swarm } from './swarm.ts';

interface DeltaUpdatePorts {
  readonly digest: Digest;
  readonly codec: Codec;
  readonly store: Pick<ChunkStore, 'get'>;
  /** Brings the delta, as it brings all chunks: from peers, else from the origin. */
  readonly fetch: Swarm['fetch'];
  readonly pause: () => Promise<void>;
}

/**
 * What the store and a delta make of `wanted`, chunk by chunk; whoever calls keeps them, and fetches the others.
 *
 * @param held the release that the store has, whole or in part.
 * @throws StoreError
 */
export function deltaUpdate(
  { digest, codec, store, fetch, pause }: DeltaUpdatePorts,
  held: NamedManifest,
  next: Manifest,
  wanted: ReadonlySet<ChunkId>,
): AsyncGenerator<MadeChunk> {
  const read = async (chunks: readonly PackedChunk[]): Promise<(Uint8Array | undefined)[]> => {
    const stored = await store.get(chunks.map(({ id }) => id));
    return await Promise.all(
      chunks.map(async (chunk, index) => {
        const found = stored[index];
        try {
          return found && (await openChunk({ digest, codec }, chunk, found));
        } catch (error) {
          // Damaged: whoever is to serve it will find out, and delete it.
          if (error instanceof IntegrityError) return undefined;
          throw error;
        }
      }),
    );
  };
  return chunksByDelta({ digest, pause, read, fetch: (chunks) => fetchAll(fetch, chunks) }, held, next, wanted);
}

function fetchAll(fetch: Swarm['fetch'], chunks: readonly PackedChunk[]): Promise<(Uint8Array | undefined)[]> {
  return new Promise((resolve) => {
    const found = new Map<ChunkId, Uint8Array | undefined>();
    const settle = (id: ChunkId, plain: Uint8Array | undefined): void => {
      found.set(id, plain);
      if (chunks.every((chunk) => found.has(chunk.id))) resolve(chunks.map((chunk) => found.get(chunk.id)));
    };
    fetch(
      chunks.map(({ id }) => id),
      'bulk',
      { onChunk: settle, onMissing: (id) => settle(id, undefined) },
    );
  });
}
