import { createHash } from 'node:crypto';
import type { Digest } from '../../src/core/ports.ts';

/** SHA-256 that is done when the call returns, as virtual time needs it. */
export function syncDigest(): Digest {
  return { sha256: (bytes) => Promise.resolve(createHash('sha256').update(bytes).digest('hex')) };
}
