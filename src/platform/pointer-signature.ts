import { fromHex, toHex } from '../protocol/hash-bytes.ts';
import type { Sha256 } from '../protocol/identifier.ts';
import { decodePointer, KEY_ID_BYTES, type KeyId, type Pointer } from '../protocol/pointer.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';

/** No key of the config signed this pointer: somebody else's app, or somebody else's work. */
export class SignatureError extends Error {
  override readonly name = 'SignatureError';
  readonly code = 'bad-signature';

  /** A deployment under way may mix an old worker and a new pointer: the next check may fit again. */
  shouldRetry(): boolean {
    return true;
  }
}

/**
 * Takes a pointer file apart and checks that one of the config's keys signed it (Ed25519, RFC 8032).
 *
 * @throws ProtocolError when it is not a pointer, SignatureError when no signature fits.
 */
export async function verifyPointer(bytes: Uint8Array, config: WorkerConfig): Promise<Pointer> {
  const { pointer, signedBytes, signatures } = decodePointer(bytes);
  for (const key of config.keys) {
    const id = await keyIdOf(key);
    for (const candidate of signatures) {
      if (candidate.key === id && (await isSignedBy(key, candidate.signature, signedBytes))) return pointer;
    }
  }
  throw new SignatureError('the pointer is not signed by a key of this app');
}

async function keyIdOf(key: Sha256): Promise<KeyId> {
  const hash = await crypto.subtle.digest('SHA-256', fromHex(key));
  return toHex(new Uint8Array(hash, 0, KEY_ID_BYTES));
}

async function isSignedBy(key: Sha256, signature: Uint8Array, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const publicKey = await crypto.subtle.importKey('raw', fromHex(key), 'Ed25519', false, ['verify']);
  return crypto.subtle.verify('Ed25519', publicKey, signature as Uint8Array<ArrayBuffer>, bytes);
}
