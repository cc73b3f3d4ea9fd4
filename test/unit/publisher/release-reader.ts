import { createPublicKey, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { manifestPath, POINTER_PATH, packPath } from '../../../src/protocol/layout.ts';
import { decodeManifest, type Manifest, type ReleaseFile } from '../../../src/protocol/manifest.ts';
import { decodePointer, type Pointer } from '../../../src/protocol/pointer.ts';
import { sha256 } from './workspace.ts';

export interface ReadRelease {
  readonly pointer: Pointer;
  readonly manifest: Manifest;
}

/** Reads a release as a distrustful client does, but with code of its own. */
export async function readRelease(out: string, publicKey: string): Promise<ReadRelease> {
  const signed = decodePointer(await readFile(join(out, POINTER_PATH)));
  const x = Buffer.from(publicKey, 'hex').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const [signature] = signed.signatures;
  if (signature === undefined || !verify(null, signed.signedBytes, key, signature.signature)) {
    throw new Error('the signature does not fit');
  }
  if (signature.key !== sha256(Buffer.from(publicKey, 'hex')).slice(0, 16)) throw new Error('wrong key id');
  const bytes = await readFile(join(out, manifestPath(signed.pointer.manifestHash)));
  if (sha256(bytes) !== signed.pointer.manifestHash || bytes.length !== signed.pointer.manifestBytes) {
    throw new Error('not the manifest of the pointer');
  }
  return { pointer: signed.pointer, manifest: decodeManifest(bytes) };
}

/** A file put together from the packs; throws unless every hash and length fits. */
export async function readFromPacks(out: string, manifest: Manifest, file: ReleaseFile): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (const run of file.runs) {
    const pack = manifest.packs[run.pack];
    if (pack === undefined) throw new Error('no such pack');
    const bytes = await readFile(join(out, packPath(pack.id)));
    if (sha256(bytes) !== pack.id) throw new Error('a pack is not the one of its name');
    let offset = 0;
    for (const [index, chunk] of pack.chunks.entries()) {
      const encoded = bytes.subarray(offset, offset + chunk.encodedBytes);
      offset += chunk.encodedBytes;
      if (index < run.first || index >= run.first + run.count) continue;
      const plain = chunk.encoding === 'identity' ? encoded : inflateRawSync(encoded);
      if (sha256(plain) !== chunk.id || plain.length !== chunk.plainBytes) throw new Error(`chunk ${index} is wrong`);
      parts.push(plain);
    }
    if (offset !== bytes.length) throw new Error('a pack has bytes that no chunk names');
  }
  const whole = Buffer.concat(parts);
  if (sha256(whole) !== file.hash || whole.length !== file.plainBytes) throw new Error(`${file.path} is wrong`);
  return whole;
}
