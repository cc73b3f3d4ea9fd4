import { missingChunks, plainBytesOf } from '../protocol/delta.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import { isDeltaPath } from '../protocol/layout.ts';
import { MAX_PATCH_SOURCE_BYTES, MAX_PATCH_TARGET_BYTES } from '../protocol/limits.ts';
import { chunksOfFile, type Manifest, type PackedChunk } from '../protocol/manifest.ts';
import { type Predecessor, Predecessors } from './predecessors.ts';

/** Chunks that one patch could make, and out of what. */
export interface PlannedPatch {
  readonly path: string;
  readonly target: readonly PackedChunk[];
  readonly source:
    | { readonly file: number; readonly first: number; readonly chunks: readonly PackedChunk[] }
    | undefined;
  /** The earlier file has a chunk of the new one: it is the same file, and no other of the same name. */
  readonly isRelated: boolean;
}

/** Changes that lie further apart get patches of their own: a client reads the earlier file between them for each. */
const MAX_GAP_BYTES = 1024 * 1024;
/** How far around a change the earlier file may be of use. */
const MARGIN_BYTES = 512 * 1024;

/** A patch for each changed file, or for each changed part of a large one; together all missing chunks, in their order. */
export function planPatches(held: Manifest, next: Manifest): PlannedPatch[] {
  const missing = new Set(missingChunks(held, next).map(({ id }) => id));
  const predecessors = new Predecessors(held);
  return next.files.flatMap((file) => {
    if (isDeltaPath(file.path)) return [];
    const chunks = chunksOfFile(next, file);
    const parts = changedParts(chunks, missing);
    if (parts.length === 0) return [];
    const predecessor = predecessors.of(file, chunks);
    const known = new Map(predecessor?.chunks.map(({ id }, index) => [id, index]));
    const isRelated = chunks.some(({ id }) => known.has(id));
    return parts.map(({ first, end, target }) => {
      const source = predecessor && sourceOf(predecessor, known, chunks, first, end);
      return { path: file.path, target, source, isRelated };
    });
  });
}

interface ChangedPart {
  readonly first: number;
  end: number;
  readonly target: PackedChunk[];
}

/** Takes its chunks out of `missing`: the first file that has one gets the patch. */
function changedParts(chunks: readonly PackedChunk[], missing: Set<ChunkId>): ChangedPart[] {
  const parts: ChangedPart[] = [];
  let gapBytes = 0;
  for (const [index, chunk] of chunks.entries()) {
    if (!missing.delete(chunk.id)) {
      gapBytes += chunk.plainBytes;
      continue;
    }
    const last = parts.at(-1);
    const isFull = last && plainBytesOf(last.target) + chunk.plainBytes > MAX_PATCH_TARGET_BYTES;
    if (last === undefined || isFull || gapBytes > MAX_GAP_BYTES) {
      parts.push({ first: index, end: index + 1, target: [chunk] });
    } else {
      last.target.push(chunk);
      last.end = index + 1;
    }
    gapBytes = 0;
  }
  return parts;
}

/** What lies between the unchanged neighbours of a change, and a margin; from the start on as much as is allowed. */
function sourceOf(
  { file, chunks: earlier }: Predecessor,
  known: ReadonlyMap<ChunkId, number>,
  chunks: readonly PackedChunk[],
  first: number,
  end: number,
): PlannedPatch['source'] {
  const before = chunks.slice(0, first).findLast(({ id }) => known.has(id));
  const after = chunks.slice(end).find(({ id }) => known.has(id));
  let start = before === undefined ? 0 : (known.get(before.id) ?? 0);
  let stop = after === undefined ? earlier.length : (known.get(after.id) ?? 0) + 1;
  // A file whose parts changed places.
  if (stop <= start) [start, stop] = [0, earlier.length];
  for (let bytes = 0; start > 0 && bytes < MARGIN_BYTES; bytes += earlier[start]?.plainBytes ?? 0) start -= 1;
  for (let bytes = 0; stop < earlier.length && bytes < MARGIN_BYTES; stop += 1) bytes += earlier[stop]?.plainBytes ?? 0;
  let bytes = 0;
  const source = earlier.slice(start, stop).filter((chunk) => {
    bytes += chunk.plainBytes;
    return bytes <= MAX_PATCH_SOURCE_BYTES;
  });
  return source.length === 0 ? undefined : { file, first: start, chunks: source };
}
