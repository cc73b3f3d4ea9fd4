import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import type { Encoding } from '../protocol/encoding.ts';

const deflate = promisify(deflateRaw);

/** Deflate must save this share of a chunk, or every client would inflate it for nothing. */
const MINIMUM_SAVING = 0.03;

export interface EncodedChunk {
  readonly encoding: Encoding;
  readonly bytes: Uint8Array;
}

/** Raw deflate (RFC 1951) where it helps, the plain bytes where it does not. */
export async function encodeChunk(plain: Uint8Array): Promise<EncodedChunk> {
  // The slowest settings: a chunk is compressed once and sent many times.
  const deflated = await deflate(plain, { level: 9, memLevel: 9 });
  return deflated.length <= plain.length * (1 - MINIMUM_SAVING)
    ? { encoding: 'deflate-raw', bytes: deflated }
    : { encoding: 'identity', bytes: plain };
}
