import type { ChunkId } from '../protocol/identifier.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { chunksOf } from './release-chunks.ts';

/** Of what the browser gives the whole origin: the app's own data and its other caches need room, too. */
const QUOTA_SHARE = 0.5;
/** More than that no app should take of a disk unasked. */
const MAXIMUM_BYTES = 4 * 1024 ** 3;
/** It is emptied below its limit, so that not every chunk that comes costs another one. */
const LOW_WATER = 0.9;

/** How much the store may hold, in bytes. @param quota as `navigator.storage.estimate` says it; `undefined`: unknown */
export function storeLimit(quota: number | undefined): number {
  return Math.min(MAXIMUM_BYTES, (quota ?? Number.POSITIVE_INFINITY) * QUOTA_SHARE);
}

export interface CacheFacts {
  /** Newest first; those that pages use. */
  readonly manifests: readonly Manifest[];
  readonly stored: ReadonlySet<ChunkId>;
  /** What no known release had when it was looked at last: a release whose chunks come before it would lose them. */
  readonly formerOrphans: ReadonlySet<ChunkId>;
  readonly limitBytes: number;
  /** Peers that have it, of those who are connected. */
  readonly copiesOf: (chunk: ChunkId) => number;
}

export interface Eviction {
  readonly evicted: readonly ChunkId[];
  /** Chunks of no known release that stay once more. */
  readonly orphans: ReadonlySet<ChunkId>;
}

/**
 * What the store lets go of. What no release has goes at the second look. Above the limit, the least valuable go first:
 * chunks of older releases alone, then those of the newest that many peers have, and rare ones of it last. Chunks that
 * came compressed take less than they count for here.
 */
export function evictions({ manifests, stored, formerOrphans, limitBytes, copiesOf }: CacheFacts): Eviction {
  const known = new Map<ChunkId, { readonly bytes: number; readonly isNewest: boolean }>();
  for (const [index, manifest] of manifests.entries()) {
    for (const { id, plainBytes } of chunksOf(manifest, manifest.files)) {
      if (stored.has(id) && !known.has(id)) known.set(id, { bytes: plainBytes, isNewest: index === 0 });
    }
  }
  const orphans = new Set([...stored].filter((id) => !known.has(id)));
  const evicted = [...orphans].filter((id) => formerOrphans.has(id));
  for (const id of evicted) orphans.delete(id);

  let bytes = 0;
  for (const chunk of known.values()) bytes += chunk.bytes;
  if (bytes <= limitBytes) return { evicted, orphans };
  const byValue = [...known].map(([id, chunk]) => ({ id, ...chunk, copies: copiesOf(id) }));
  byValue.sort((a, b) => Number(a.isNewest) - Number(b.isNewest) || b.copies - a.copies);
  for (const chunk of byValue) {
    if (bytes <= limitBytes * LOW_WATER) break;
    evicted.push(chunk.id);
    bytes -= chunk.bytes;
  }
  return { evicted, orphans };
}
