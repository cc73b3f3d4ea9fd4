import { createSHA256 } from 'hash-wasm';
import { toHex } from '../protocol/hash-bytes.ts';
import type { Sha256 } from '../protocol/identifier.ts';

/** SHA-256 of bytes that come piece by piece, in constant memory. */
export interface IncrementalSha256 {
  /** The piece may be reused when this returns. */
  update(piece: Uint8Array): void;
  /** Ends it; neither may be called again. */
  digest(): Sha256;
}

/**
 * WebCrypto cannot hash piece by piece; hash-wasm can.
 *
 * @throws CompileError of WebAssembly where the page's CSP lacks `wasm-unsafe-eval`: there a file is either hashed whole
 * by WebCrypto, or trusted because each of its chunks was verified.
 */
export async function incrementalSha256(): Promise<IncrementalSha256> {
  const hasher = (await createSHA256()).init();
  return {
    update: (piece) => {
      hasher.update(piece);
    },
    digest: () => toHex(hasher.digest('binary')),
  };
}
