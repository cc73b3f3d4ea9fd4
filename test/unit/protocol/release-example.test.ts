import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../../src/protocol/hash-bytes.ts';
import { chunksOfFile, decodeManifest, packBytes } from '../../../src/protocol/manifest.ts';
import { decodePointer, encodePointer } from '../../../src/protocol/pointer.ts';
import { roomBytes } from '../../../src/protocol/room.ts';
import { type BytesVectors, bytesOf, type Layout, readVectors } from './vectors.ts';

interface PackVector {
  readonly id: string;
  readonly layout: Layout;
  readonly chunks: readonly { readonly id: string; readonly plain: string }[];
}
interface PointerVectors extends BytesVectors {
  readonly keys: readonly { readonly seed: string; readonly publicKey: string; readonly id: string }[];
}
interface RoomVectors {
  readonly valid: readonly {
    readonly name: string;
    readonly app: string;
    readonly channel: string;
    readonly keys: readonly string[];
    readonly group?: string;
    readonly layout: Layout;
    readonly room: string;
  }[];
}

/** DER before a raw Ed25519 private and public key (RFC 8410). */
const PRIVATE_KEY_PREFIX = '302e020100300506032b657004220420';
const PUBLIC_KEY_PREFIX = '302a300506032b6570032100';

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const packVector = readVectors('pack.json') as PackVector;
const manifestVectors = readVectors('manifest.json') as BytesVectors;
const pointerVectors = readVectors('pointer.json') as PointerVectors;
const pack = bytesOf(packVector.layout);
const manifestBytes = bytesOf(manifestVectors.valid[0]?.layout ?? []);

describe('the example release of the vectors', () => {
  it('is signed by the keys in the file, over the exact bytes', () => {
    for (const { layout } of pointerVectors.valid) {
      const { signatures, signedBytes } = decodePointer(bytesOf(layout));
      for (const { key, signature } of signatures) {
        const { publicKey } = pointerVectors.keys.find((candidate) => candidate.id === key) ?? { publicKey: '' };
        expect(sha256(fromHex(publicKey)).slice(0, 16)).toBe(key);
        const spki = Buffer.from(PUBLIC_KEY_PREFIX + publicKey, 'hex');
        expect(verify(null, signedBytes, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature)).toBe(
          true,
        );
      }
    }
  });

  it('can be signed again from the seed: Ed25519 leaves nothing to chance', () => {
    const layout = pointerVectors.valid[0]?.layout ?? [];
    const { pointer, signedBytes } = decodePointer(bytesOf(layout));
    const { seed, id } = pointerVectors.keys[0] ?? { seed: '', id: '' };
    const pkcs8 = Buffer.from(PRIVATE_KEY_PREFIX + seed, 'hex');
    const signature = sign(null, signedBytes, createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }));
    expect(encodePointer(pointer, [{ key: id, signature }])).toEqual(bytesOf(layout));
  });

  it('leads from the pointer to the manifest, from there to the pack', () => {
    const { pointer } = decodePointer(bytesOf(pointerVectors.valid[0]?.layout ?? []));
    expect(pointer).toMatchObject({ manifestHash: sha256(manifestBytes), manifestBytes: manifestBytes.length });
    const manifest = decodeManifest(manifestBytes);
    expect(manifest).toMatchObject({ app: pointer.app, channel: pointer.channel, sequence: pointer.sequence });
    expect(manifest.packs.map((one) => [one.id, packBytes(one)])).toEqual([[sha256(pack), pack.length]]);
    expect(packVector.id).toBe(sha256(pack));
  });

  it('has the files that its chunks make', () => {
    const manifest = decodeManifest(manifestBytes);
    const plain = new Map(packVector.chunks.map((chunk) => [chunk.id, Buffer.from(chunk.plain)]));
    let offset = 0;
    for (const chunk of manifest.packs[0]?.chunks ?? []) {
      const encoded = pack.subarray(offset, offset + chunk.encodedBytes);
      offset += chunk.encodedBytes;
      const opened = chunk.encoding === 'identity' ? Buffer.from(encoded) : inflateRawSync(encoded);
      expect(opened.equals(plain.get(chunk.id) ?? Buffer.of())).toBe(true);
      expect([sha256(opened), opened.length]).toEqual([chunk.id, chunk.plainBytes]);
    }
    for (const file of manifest.files) {
      const content = Buffer.concat(chunksOfFile(manifest, file).map((chunk) => plain.get(chunk.id) ?? Buffer.of()));
      expect([sha256(content), content.length]).toEqual([file.hash, file.plainBytes]);
    }
  });
});

describe('the name of a room', () => {
  it.each((readVectors('room.json') as RoomVectors).valid)('is the hash of its bytes: $name', (vector) => {
    const bytes = roomBytes(vector.app, vector.channel, vector.keys, vector.group);
    expect(bytes).toEqual(bytesOf(vector.layout));
    expect(sha256(bytes)).toBe(vector.room);
  });
});
