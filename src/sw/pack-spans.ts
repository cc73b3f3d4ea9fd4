import type { ChunkId, PackId } from '../protocol/identifier.ts';
import { type Manifest, type Pack, type PackedChunk, packBytes, type ReleaseFile } from '../protocol/manifest.ts';

/** Consecutive chunks of a pack, read by one Range request. */
export interface PackSpan {
  readonly pack: PackId;
  readonly offset: number;
  bytes: number;
  readonly chunks: PackedChunk[];
}

/** Large enough to hide a round trip, small enough to begin with soon. */
const MAX_SPAN_BYTES = 1024 * 1024;

/** Where the wanted chunks of a file lie, each once. Neighbours become one span. */
export function spansOf(manifest: Manifest, file: ReleaseFile, wanted: ReadonlySet<ChunkId>): PackSpan[] {
  const spans: PackSpan[] = [];
  const open = new Set(wanted);
  for (const { pack: index, first, count } of file.runs) {
    const { id: pack, chunks } = manifest.packs[index] as Pack;
    let offset = packBytes({ id: pack, chunks: chunks.slice(0, first) });
    for (const chunk of chunks.slice(first, first + count)) {
      if (open.delete(chunk.id)) addTo(spans, pack, offset, chunk);
      offset += chunk.encodedBytes;
    }
  }
  return spans;
}

function addTo(spans: PackSpan[], pack: PackId, offset: number, chunk: PackedChunk): void {
  const bytes = chunk.encodedBytes;
  const last = spans.at(-1);
  if (last?.pack !== pack || last.offset + last.bytes !== offset || last.bytes + bytes > MAX_SPAN_BYTES) {
    spans.push({ pack, offset, bytes, chunks: [chunk] });
    return;
  }
  last.bytes += bytes;
  last.chunks.push(chunk);
}
