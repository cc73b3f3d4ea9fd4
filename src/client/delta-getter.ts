import type { NamedManifest } from '../core/delta.ts';
import { deltaUpdate } from '../core/delta-update.ts';
import { StoreError } from '../core/errors.ts';
import type { ChunkStore, StoredChunk } from '../core/ports.ts';
import type { Swarm } from '../core/swarm.ts';
import { deflateRaw } from '../platform/deflate.ts';
import { streamCodec } from '../platform/stream-codec.ts';
import { subtleDigest } from '../platform/subtle-digest.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { Manifest, PackedChunk } from '../protocol/manifest.ts';
import type { GetChunks } from './chunk-getter.ts';
import { nextTurn } from './next-turn.ts';

/** Chunks that are written at once, some 2 MiB. */
const CHUNKS_PER_WRITE = 32;

export interface DeltaPlaces {
  readonly store: ChunkStore;
  /** For the chunks of the delta itself. */
  readonly fetch: Swarm['fetch'];
  readonly noteStored: (chunks: readonly ChunkId[]) => void;
}

/** Makes chunks out of what is here of earlier releases, newest first, and of the deltas that `next` has for them. */
export function byDelta(places: DeltaPlaces, next: Manifest, olds: () => Promise<readonly NamedManifest[]>): GetChunks {
  return async (chunks, { signal, onChunk }) => {
    const left = new Map(chunks.map((chunk) => [chunk.id, chunk]));
    const keep = async (made: ReadonlyMap<ChunkId, StoredChunk>): Promise<void> => {
      await places.store.put(made);
      places.noteStored([...made.keys()]);
      for (const id of made.keys()) {
        const chunk = left.get(id);
        left.delete(id);
        if (chunk !== undefined) onChunk(chunk);
      }
    };
    try {
      for (const held of await olds()) {
        if (left.size > 0) await make(places, held, next, left, keep, signal);
      }
    } catch (error) {
      // No room, or no store: whoever asks next finds out what is to be done.
      if (!(error instanceof StoreError)) throw error;
    }
    return [...left.values()];
  };
}

async function make(
  { store, fetch }: DeltaPlaces,
  held: NamedManifest,
  next: Manifest,
  wanted: ReadonlyMap<ChunkId, PackedChunk>,
  keep: (made: ReadonlyMap<ChunkId, StoredChunk>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const ports = { store, fetch, digest: subtleDigest(), codec: streamCodec(), pause: nextTurn };
  const made = new Map<ChunkId, StoredChunk>();
  for await (const { id, plain } of deltaUpdate(ports, held, next, new Set(wanted.keys()))) {
    if (signal.aborted) return;
    // As the pack has it: peers take no more bytes of it than from the origin.
    const isPlain = wanted.get(id)?.encoding === 'identity';
    made.set(id, isPlain ? { encoding: 'identity', bytes: plain } : await deflateRaw(plain));
    if (made.size < CHUNKS_PER_WRITE) continue;
    await keep(made);
    made.clear();
  }
  if (made.size > 0) await keep(made);
}
