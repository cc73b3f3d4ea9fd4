import type { ChunkId } from '../protocol/identifier.ts';
import type { Manifest } from '../protocol/manifest.ts';
import type { Pointer } from '../protocol/pointer.ts';

interface Release {
  readonly pointer: Pointer;
  readonly manifest: Manifest;
}

/** What is to be deleted: chunks of packs that only releases name which the newest one withdraws. */
export function withdrawnChunks(newest: Release, before: readonly Release[]): ChunkId[] {
  const isKept = ({ manifest }: Release): boolean => manifest.sequence >= newest.pointer.minimumSequence;
  const kept = new Set([newest, ...before.filter(isKept)].flatMap(chunksOf));
  const withdrawn = before.filter((release) => !isKept(release)).flatMap(chunksOf);
  return [...new Set(withdrawn)].filter((id) => !kept.has(id));
}

function chunksOf({ manifest }: Release): ChunkId[] {
  return manifest.packs.flatMap(({ chunks }) => chunks.map(({ id }) => id));
}
