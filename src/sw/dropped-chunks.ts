import type { ChunkId } from '../protocol/identifier.ts';
import type { Manifest } from '../protocol/manifest.ts';

interface Release {
  readonly manifest: Manifest;
}

/** What goes with releases that are not kept: chunks of packs that no other one names. */
export function chunksOnlyIn(dropped: readonly Release[], kept: readonly Release[]): ChunkId[] {
  const needed = new Set(kept.flatMap(chunksOf));
  return [...new Set(dropped.flatMap(chunksOf))].filter((id) => !needed.has(id));
}

function chunksOf({ manifest }: Release): ChunkId[] {
  return manifest.packs.flatMap(({ chunks }) => chunks.map(({ id }) => id));
}
