import type { ChunkId } from '../protocol/identifier.ts';
import type { FileContent } from './catalog.ts';
import type { Demand, WantedChunk } from './demand.ts';

/** Brotli of a whole file saves about an eighth over its chunks: below this, less than a request of its own costs. */
const MINIMUM_PACKED_BYTES = 8 * 1024;
/** Images, fonts and archives deflate by less, and no web server compresses them. */
const COMPRESSIBLE = 0.9;

/** Who wants so much of a file's beginning wants all of it: a batch of the worker's. */
const BEGINNING_BYTES = 1024 * 1024;

/**
 * Whether the plain file, compressed by the web server, is fewer bytes than its chunks in packs: its beginning is wanted,
 * nothing of it is here or on its way, and it is worth a request (`bench/first-load`).
 */
export function isSmallerPlain(
  { chunks }: FileContent,
  demand: Demand,
  isHereOrComing: (chunk: ChunkId) => boolean,
): boolean {
  let plainBytes = 0;
  let packedBytes = 0;
  let wantedBytes = 0;
  for (const chunk of chunks) {
    const wanted = demand.get(chunk.id);
    if (wanted === undefined ? isHereOrComing(chunk.id) : !isUntouched(wanted)) return false;
    // The beginning without a gap.
    if (wanted !== undefined && wantedBytes === plainBytes) wantedBytes += chunk.plainBytes;
    plainBytes += chunk.plainBytes;
    packedBytes += chunk.encodedBytes;
  }
  if (wantedBytes < Math.min(plainBytes, BEGINNING_BYTES)) return false;
  return packedBytes >= MINIMUM_PACKED_BYTES && packedBytes < plainBytes * COMPRESSIBLE;
}

function isUntouched({ urgency, arrived, atOrigin, peer, originFailures }: WantedChunk): boolean {
  return urgency === 'bulk' && !arrived && !atOrigin && peer === undefined && originFailures === 0;
}
