import type { Digest } from '../core/ports.ts';
import { toHex } from '../protocol/hash-bytes.ts';

/** SHA-256 by WebCrypto: off the calling thread, and faster than Wasm at chunk sizes (bench/results/digest.json). */
export function subtleDigest(): Digest {
  return {
    sha256: async (bytes) => {
      // The cast drops SharedArrayBuffer, which none of our buffers is and which WebCrypto would refuse.
      const hash = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
      return toHex(new Uint8Array(hash));
    },
  };
}
