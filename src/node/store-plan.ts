import type { ChunkId } from '../protocol/identifier.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { diskBytes } from './disk-store.ts';

/** What shall be on disk. */
export interface StorePlan {
  /** Is there and stays. */
  readonly keep: ReadonlySet<ChunkId>;
  /** Of the newest release, in the order in which it is published. */
  readonly fetch: ReadonlySet<ChunkId>;
  /** Is there and goes. */
  readonly drop: readonly ChunkId[];
  /** Chunks of the newest release for which there is no room. */
  readonly unfitCount: number;
}

export interface StoreSituation {
  /** What is on disk. */
  readonly held: ReadonlySet<ChunkId>;
  readonly diskBytesOf: (id: ChunkId) => number;
  readonly limitBytes: number | undefined;
  readonly newest: Manifest;
  /** Still on offer for browsers that have not updated. */
  readonly previous: Manifest | undefined;
}

/**
 * What is worth most comes first: chunks of the newest release that are there, then those that are missing, then the
 * previous release's. Among missing ones the published order decides, so that the next start chooses the same.
 */
export function planStore({ held, diskBytesOf, limitBytes, newest, previous }: StoreSituation): StorePlan {
  let room = limitBytes ?? Number.POSITIVE_INFINITY;
  const keep = new Set<ChunkId>();
  const fetch = new Set<ChunkId>();
  let unfitCount = 0;
  const take = (chosen: Set<ChunkId>, id: ChunkId, bytes: number): boolean => {
    if (bytes > room) return false;
    room -= bytes;
    chosen.add(id);
    return true;
  };
  const wanted = new Map(chunksOf(newest).map((chunk) => [chunk.id, chunk.encodedBytes]));
  for (const id of wanted.keys()) if (held.has(id)) take(keep, id, diskBytesOf(id));
  for (const [id, encodedBytes] of wanted) {
    if (!held.has(id) && !take(fetch, id, diskBytes(encodedBytes))) unfitCount += 1;
  }
  for (const { id } of previous === undefined ? [] : chunksOf(previous)) {
    if (held.has(id) && !wanted.has(id) && !keep.has(id)) take(keep, id, diskBytesOf(id));
  }
  const drop = [...held].filter((id) => !keep.has(id));
  // Held, and yet too large: the cap was lowered.
  unfitCount += drop.filter((id) => wanted.has(id)).length;
  return { keep, fetch, drop, unfitCount };
}

function chunksOf(manifest: Manifest): Manifest['packs'][number]['chunks'] {
  return manifest.packs.flatMap(({ chunks }) => chunks);
}
