import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import type { NamedManifest } from '../core/delta.ts';
import { deltaUpdate } from '../core/delta-update.ts';
import { StoreError } from '../core/errors.ts';
import type { ChunkStore, Digest, StoredChunk } from '../core/ports.ts';
import type { Swarm } from '../core/swarm.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { zlibCodec } from './zlib-codec.ts';

/** Chunks that are written at once, some 2 MiB. */
const CHUNKS_PER_WRITE = 32;

const deflate = promisify(deflateRaw);
const nextTurn = promisify(setImmediate);

interface DeltaMirrorPorts {
  readonly digest: Digest;
  readonly store: ChunkStore;
  readonly swarm: Pick<Swarm, 'fetch' | 'noteStored'>;
  /** The peer is closing, or has gone on to another release. */
  readonly isOver: () => boolean;
}

/** Makes of the release before what a delta can make of the next one, and keeps it; the rest is for the mirror. */
export async function mirrorByDelta(
  { digest, store, swarm, isOver }: DeltaMirrorPorts,
  held: NamedManifest,
  next: Manifest,
  wanted: ReadonlySet<ChunkId>,
): Promise<void> {
  const encodings = new Map(next.packs.flatMap(({ chunks }) => chunks.map(({ id, encoding }) => [id, encoding])));
  const made = new Map<ChunkId, StoredChunk>();
  const keep = async (): Promise<void> => {
    try {
      await store.put(new Map(made));
      swarm.noteStored([...made.keys()]);
    } catch (error) {
      // The mirror hears of it too, and knows what to do.
      if (!(error instanceof StoreError)) throw error;
    }
    made.clear();
  };
  const ports = {
    ...{ digest, store, codec: zlibCodec(), pause: () => nextTurn() },
    fetch: (...wantedChunks: Parameters<Swarm['fetch']>) => swarm.fetch(...wantedChunks),
  };
  for await (const { id, plain } of deltaUpdate(ports, held, next, wanted)) {
    if (isOver()) return;
    // As the pack has it: peers take no more bytes of it than from the origin.
    const encoding = encodings.get(id) ?? 'identity';
    const bytes = encoding === 'identity' ? plain : await deflate(plain, { level: 9, memLevel: 9 });
    made.set(id, { encoding, bytes });
    if (made.size >= CHUNKS_PER_WRITE) await keep();
  }
  if (made.size > 0) await keep();
}
