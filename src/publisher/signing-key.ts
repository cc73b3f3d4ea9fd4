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
import { KEY_ID_BYTES, type KeyId, type PointerSignature, type SignedPointer } from '../protocol/pointer.ts';
import { PublishError } from './errors.ts';

/** DER of an Ed25519 SubjectPublicKeyInfo before the 32 bytes of the key (RFC 8410, section 4). */
const PUBLIC_KEY_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** An Ed25519 private key (RFC 8032) that signs pointers. */
export class SigningKey {
  /** Raw 32 bytes in hex. */
  readonly publicKey: Sha256;
  readonly #private: KeyObject;

  private constructor(key: KeyObject) {
    this.#private = key;
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
    this.publicKey = toHex(spki.subarray(PUBLIC_KEY_PREFIX.length));
  }

  /** @throws PublishError `key-invalid` */
  static parse(pem: string): SigningKey {
    let key: KeyObject;
    try {
      key = createPrivateKey(pem);
    } catch (cause) {
      throw new PublishError('key-invalid', 'the key is not an unencrypted private key in PEM; make one with keygen', {
        cause,
      });
    }
    if (key.asymmetricKeyType !== 'ed25519') {
      throw new PublishError(
        'key-invalid',
        `the key is of type ${key.asymmetricKeyType ?? 'unknown'}, not Ed25519; make one with keygen`,
      );
    }
    return new SigningKey(key);
  }

  sign(bytes: Uint8Array): PointerSignature {
    return { key: keyIdOf(this.publicKey), signature: sign(null, bytes, this.#private) };
  }
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
  return { pem, publicKey: SigningKey.parse(pem).publicKey };
}

/** The public half of a private key in PEM: raw 32 bytes in hex. @throws PublishError `key-invalid` */
export function publicKeyOf(pem: string): Sha256 {
  return SigningKey.parse(pem).publicKey;
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
