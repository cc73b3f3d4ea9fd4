import type { ChunkId } from '../protocol/identifier.ts';
import { IntegrityError } from './errors.ts';
import type { Codec, Digest, StoredChunk } from './ports.ts';

/**
 * Decodes a chunk and proves that it is the one named: the only way from encoded bytes to bytes that anything else may
 * see. Used on arrival from a peer or the origin, and again on what a store returns.
 *
 * @throws IntegrityError `chunk-encoding`, `chunk-hash`
 */
export async function openChunk(
  tools: { readonly digest: Digest; readonly codec: Codec },
  expected: { readonly id: ChunkId; readonly plainBytes: number },
  stored: StoredChunk,
): Promise<Uint8Array> {
  const plain = await decode(tools.codec, expected, stored);
  if ((await tools.digest.sha256(plain)) !== expected.id) {
    throw new IntegrityError('chunk-hash', `these bytes are not chunk ${expected.id}`);
  }
  return plain;
}

async function decode(
  codec: Codec,
  expected: { readonly id: ChunkId; readonly plainBytes: number },
  stored: StoredChunk,
): Promise<Uint8Array> {
  switch (stored.encoding) {
    case 'identity':
      if (stored.bytes.length !== expected.plainBytes) {
        throw new IntegrityError('chunk-encoding', `chunk ${expected.id} has the wrong length`);
      }
      return stored.bytes;
    case 'deflate-raw':
      try {
        return await codec.inflateRaw(stored.bytes, expected.plainBytes);
      } catch (cause) {
        throw new IntegrityError('chunk-encoding', `chunk ${expected.id} does not decode`, { cause });
      }
  }
}
