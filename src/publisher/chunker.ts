import { createHash } from 'node:crypto';
import type { Chunking } from '../protocol/manifest.ts';

/**
 * Measured by bench/chunking on Monaco and on two releases of n8n: 64 KiB saves 1.5 to 2.7 % of a first load over 32 KiB
 * and makes the update 29 % larger, 1.7 % more in all. But each chunk costs a hash, a message to the worker and a store
 * record, and half as many of them is what lets a browser take them at the speed of its data channel.
 */
const AVERAGE_CHUNK_BYTES = 64 * 1024;
/** Sizes of chunks where no earlier release says otherwise. */
export const DEFAULT_CHUNKING: Chunking = {
  minimumBytes: AVERAGE_CHUNK_BYTES / 2,
  averageBytes: AVERAGE_CHUNK_BYTES,
  maximumBytes: AVERAGE_CHUNK_BYTES * 4,
};

/**
 * Behind so many bytes a file is cut half as finely: a file of this size is bulk, and each chunk of it costs a request
 * and a `have` for each partner, too. By the place and not by the file's size, so that a file that grows keeps its
 * chunks.
 */
const FINE_BYTES = 2 * 1024 * 1024;

/**
 * Content-defined chunking with a gear hash (Xia et al., FastCDC, USENIX ATC 2016): a cut depends on the 32 bytes before
 * it alone, so an insertion moves the cuts near it and no others. Every publisher must cut alike, or no chunk of the
 * last release is found again: the table and the test below are part of the format.
 */

/** A 32-bit hash that shifts by one bit for each byte forgets a byte after 32 more. */
const WINDOW_BYTES = 32;
const HASHES = 2 ** 32;

/** 256 fixed random-looking 32-bit numbers: the first four bytes of the SHA-256 of "tabseed gear" and the byte. */
const GEAR: Int32Array = Int32Array.from({ length: 256 }, (_, byte) =>
  createHash('sha256').update('tabseed gear').update(Uint8Array.of(byte)).digest().readInt32BE(0),
);

/**
 * Length of the first chunk of `bytes`, which start at a cut.
 *
 * @param bytes at least `maximumBytes`, or all that is left of the file; not empty.
 */
function firstChunkBytes(bytes: Uint8Array, chunking: Chunking): number {
  const { minimumBytes, averageBytes, maximumBytes } = chunking;
  const end = Math.min(bytes.length, maximumBytes);
  // A comparison looks at the high bits, which the whole window has mixed; the low ones know the last few bytes only.
  const threshold = HASHES / Math.max(1, averageBytes - minimumBytes);
  let hash = 0;
  for (let index = Math.max(0, minimumBytes - WINDOW_BYTES); index < end; index += 1) {
    hash = ((hash << 1) + (GEAR[bytes[index] as number] as number)) | 0;
    if (index + 1 >= minimumBytes && hash >>> 0 < threshold) return index + 1;
  }
  return end;
}

/** Chunks of a stream in order, each a copy of its own; holds at most one maximum chunk and one piece. */
export async function* chunksOf(pieces: AsyncIterable<Uint8Array>, chunking: Chunking): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(chunking.maximumBytes * 4);
  const coarse = coarser(chunking);
  let length = 0;
  let position = 0;
  const cut = (start: number): Uint8Array => {
    const bytes = buffer.subarray(start, length);
    const chunk = bytes.slice(0, firstChunkBytes(bytes, position < FINE_BYTES ? chunking : coarse));
    position += chunk.length;
    return chunk;
  };
  for await (const piece of pieces) {
    for (let offset = 0; offset < piece.length; ) {
      const taken = piece.subarray(offset, offset + buffer.length - length);
      buffer.set(taken, length);
      length += taken.length;
      offset += taken.length;
      let start = 0;
      while (length - start >= chunking.maximumBytes) {
        const chunk = cut(start);
        yield chunk;
        start += chunk.length;
      }
      buffer.copyWithin(0, start, length);
      length -= start;
    }
  }
  for (let start = 0; start < length; ) {
    const chunk = cut(start);
    yield chunk;
    start += chunk.length;
  }
}

/** The minimum and the average grow by the same, so the cut test stays: with a minimum of half the average, that doubles. */
function coarser(chunking: Chunking): Chunking {
  const { minimumBytes, averageBytes, maximumBytes } = chunking;
  const moreBytes = Math.min(minimumBytes * 2, maximumBytes - averageBytes);
  return { minimumBytes: minimumBytes + moreBytes, averageBytes: averageBytes + moreBytes, maximumBytes };
}
