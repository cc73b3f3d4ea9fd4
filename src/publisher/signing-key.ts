import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { toHex } from '../protocol/hash-bytes.ts';
import type { Sha256 } from '../protocol/identifier.ts';
import { MAX_SIGNATURES } from '../protocol/limits.ts';
import { KEY_ID_BYTES, type KeyId, type PointerSignature, type SignedPointer } from '../protocol/pointer.ts';
import { PublishError } from './errors.ts';

/** DER of an Ed25519 SubjectPublicKeyInfo before the 32 bytes of the key (RFC 8410, section 4). */
const PUBLIC_KEY_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

const PEM = /-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g;

/** The Ed25519 private keys (RFC 8032) that sign pointers: one, but for the time in which it is changed for another. */
export class SigningKeys {
  readonly #keys: ReadonlyMap<Sha256, KeyObject>;

  private constructor(keys: ReadonlyMap<Sha256, KeyObject>) {
    this.#keys = keys;
  }

  /** @param pem one key or several, one after the other @throws PublishError `key-invalid` */
  static parse(pem: string): SigningKeys {
    const keys = (pem.match(PEM) ?? [pem]).map(parseKey);
    const byPublicKey = new Map(keys.map((key) => [rawPublicKey(key), key]));
    if (byPublicKey.size > MAX_SIGNATURES)
      throw new PublishError('key-invalid', `a release has at most ${MAX_SIGNATURES} keys: leave out the oldest`);
    return new SigningKeys(byPublicKey);
  }

  /** Raw 32 bytes in hex, each. The first one counts where there can be one only. */
  get publicKeys(): readonly [Sha256, ...Sha256[]] {
    return [...this.#keys.keys()] as [Sha256, ...Sha256[]];
  }

  sign(bytes: Uint8Array): PointerSignature[] {
    return [...this.#keys].map(([publicKey, key]) => ({ key: keyIdOf(publicKey), signature: sign(null, bytes, key) }));
  }
}

/** @throws PublishError `key-invalid` */
function parseKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new PublishError('key-invalid', 'the key is not an unencrypted private key in PEM; make one with keygen', {
      cause,
    });
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new PublishError(
    'key-invalid',
    `the key is of type ${key.asymmetricKeyType ?? 'unknown'}, not Ed25519; make one with keygen`,
  );
}

function rawPublicKey(key: KeyObject): Sha256 {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return toHex(spki.subarray(PUBLIC_KEY_PREFIX.length));
}

export interface GeneratedKey {
  /** PKCS#8 in PEM: the secret. */
  readonly pem: string;
  /** Raw 32 bytes in hex. */
  readonly publicKey: Sha256;
}

/** A new Ed25519 key pair. */
export function generateKey(): GeneratedKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { pem, publicKey: publicKeyOf(pem) };
}

/** The public half of a private key in PEM: raw 32 bytes in hex. @throws PublishError `key-invalid` */
export function publicKeyOf(pem: string): Sha256 {
  return SigningKeys.parse(pem).publicKeys[0];
}

/** True when one of these keys made one of the signatures. */
export function isSignedByAny(signed: SignedPointer, publicKeys: readonly Sha256[]): boolean {
  return publicKeys.some((publicKey) => isSignedBy(signed, publicKey));
}

/** True when `publicKey` made one of the signatures. */
export function isSignedBy(signed: SignedPointer, publicKey: Sha256): boolean {
  const key = createPublicKey({
    key: Buffer.concat([PUBLIC_KEY_PREFIX, Buffer.from(publicKey, 'hex')]),
    format: 'der',
    type: 'spki',
  });
  const id = keyIdOf(publicKey);
  return signed.signatures.some(
    (candidate) => candidate.key === id && verify(null, signed.signedBytes, key, candidate.signature),
  );
}

function keyIdOf(publicKey: Sha256): KeyId {
  return createHash('sha256')
    .update(publicKey, 'hex')
    .digest('hex')
    .slice(0, KEY_ID_BYTES * 2);
}
