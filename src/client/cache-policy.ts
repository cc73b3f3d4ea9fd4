import { type FileUses, MAX_UNUSED_MS } from '../protocol/figures-record.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { chunksOf, eagerAndLazy } from './release-chunks.ts';

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
  /** What nobody wanted when it was looked at last: a release or a use that is noted just now would lose its chunks. */
  readonly formerOrphans: ReadonlySet<ChunkId>;
  /** `undefined` where nobody has noted any: then nothing is too old. */
  readonly uses: FileUses | undefined;
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly limitBytes: number;
  /** Peers that have it, of those who are connected. */
  readonly copiesOf: (chunk: ChunkId) => number;
}

export interface Eviction {
  readonly evicted: readonly ChunkId[];
  /** Chunks that nobody wants, and that stay once more. */
  readonly orphans: ReadonlySet<ChunkId>;
}

/**
 * What the store lets go of. What no release has goes at the second look, and so does what was not used for a month and no
 * update waits for. Above the limit, the least valuable go first: chunks of older releases alone, then those of the newest
 * that many peers have, and rare ones of it last. Chunks that came compressed take less than they count for here.
 */
export function evictions({ stored, formerOrphans, limitBytes, copiesOf, ...facts }: CacheFacts): Eviction {
  const unused = unusedChunks(facts);
  const known = new Map<ChunkId, { readonly bytes: number; readonly isNewest: boolean }>();
  for (const [index, manifest] of facts.manifests.entries()) {
    for (const { id, plainBytes } of chunksOf(manifest, manifest.files)) {
      if (stored.has(id) && !known.has(id) && !unused.has(id))
        known.set(id, { bytes: plainBytes, isNewest: index === 0 });
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

/** Of the newest release: pages that are open decide about older ones. */
function unusedChunks({ manifests, uses, nowMs }: Pick<CacheFacts, 'manifests' | 'uses' | 'nowMs'>): Set<ChunkId> {
  const [newest, ...older] = manifests;
  if (newest === undefined || uses === undefined) return new Set();
  const sinceMs = nowMs - MAX_UNUSED_MS;
  const files = new Set(eagerAndLazy(newest).lazy.filter(({ path }) => (uses.get(path) ?? 0) < sinceMs));
  const unused = new Set(chunksOf(newest, [...files]).map(({ id }) => id));
  if (unused.size === 0) return unused;
  const others = newest.files.filter((file) => !files.has(file));
  for (const { id } of chunksOf(newest, others)) unused.delete(id);
  for (const manifest of older) for (const { id } of chunksOf(manifest, manifest.files)) unused.delete(id);
  return unused;
}
