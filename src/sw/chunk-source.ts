import type { SourceName, Urgency } from '../protocol/bridge-message.ts';
import type { PackedChunk } from '../protocol/manifest.ts';

export interface ChunkRequest {
  readonly urgency: Urgency;
  /** Called with verified bytes, in any order, at most once per chunk. */
  readonly deliver: (chunk: PackedChunk, plain: Uint8Array, from: SourceName) => void;
  readonly signal: AbortSignal;
}

/** A place that may have chunks. Never rejects: what it cannot give, the next place is asked for. */
export interface ChunkSource {
  /** Resolves, when it is done, with the chunks that it did not deliver, in the order of `chunks`. */
  take(chunks: readonly PackedChunk[], request: ChunkRequest): Promise<readonly PackedChunk[]>;
}

/** Asks one place after the other for what is still missing. */
export async function takeFrom(
  sources: readonly ChunkSource[],
  chunks: readonly PackedChunk[],
  request: ChunkRequest,
): Promise<readonly PackedChunk[]> {
  let left = chunks;
  for (const source of sources) {
    if (left.length === 0 || request.signal.aborted) break;
    left = await source.take(left, request);
  }
  return left;
}

/** Each chunk once, in the order of its first place. */
export function distinct(chunks: readonly PackedChunk[]): PackedChunk[] {
  return [...new Map(chunks.map((chunk) => [chunk.id, chunk])).values()];
}
