import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadRelease } from '../../../src/platform/release-source.ts';
import { subtleDigest } from '../../../src/platform/subtle-digest.ts';
import { POINTER_PATH } from '../../../src/protocol/layout.ts';
import { decodeManifest, encodeManifest, type Manifest } from '../../../src/protocol/manifest.ts';
import { encodePointer, MAX_SEQUENCE, type Pointer, pointerBytesToSign } from '../../../src/protocol/pointer.ts';

const NOW = 1_800_000_000;
const DAY = 24 * 60 * 60;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const hex = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');
const config = { app: 'app', channel: 'stable', keys: [hex], development: false };

interface Signed {
  readonly pointer: Pointer;
  readonly pointerBytes: Uint8Array;
  readonly manifestBytes: Uint8Array;
}

/** A release as its publisher signed it: all attackers here have is what was published once. */
function release(sequence: number, changes: Partial<Pointer> = {}): Signed {
  const { app = 'app', channel = 'stable' } = changes;
  const manifest: Manifest = {
    ...{ app, channel, sequence, version: '', created: NOW, settings: '{}', packs: [], headerSets: [], files: [] },
    chunking: { minimumBytes: 1, averageBytes: 2, maximumBytes: 3 },
  };
  const manifestBytes = encodeManifest(manifest);
  const pointer: Pointer = {
    ...{ app, channel, sequence, created: NOW, expires: NOW + 90 * DAY, minimumSequence: 0 },
    ...{ manifestHash: sha256(manifestBytes), manifestBytes: manifestBytes.length },
    ...changes,
  };
  const key = sha256(Buffer.from(hex, 'hex')).slice(0, 16);
  const signature = new Uint8Array(sign(null, pointerBytesToSign(pointer), privateKey));
  return { pointer, pointerBytes: encodePointer(pointer, [{ key, signature }]), manifestBytes };
}

/** What a hostile origin answers: bytes, or whatever it does with the response. */
type Answer = Uint8Array | ((response: ServerResponse) => void);

async function load(
  { pointer, manifest }: { readonly pointer: Answer; readonly manifest?: Answer },
  known?: Signed,
  nowSeconds = NOW,
) {
  const server = createServer((request, response) => {
    const answer = request.url?.endsWith(POINTER_PATH) ? pointer : manifest;
    if (typeof answer === 'function') answer(response);
    else response.writeHead(answer ? 200 : 404).end(answer);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const digest = subtleDigest();
  return loadRelease({
    base,
    fetch,
    config,
    known: known?.pointer,
    now: () => nowSeconds * 1000,
    digest,
    decode: decodeManifest,
  });
}

/** Never ends, and counts what was taken. */
function endless(sent: { bytes: number }): (response: ServerResponse) => void {
  return (response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(16_384))) sent.bytes += 16_384;
    };
    response.writeHead(200).on('drain', more);
    more();
  };
}

describe('a hostile origin', () => {
  it('freeze: a pointer that is held back ends', async () => {
    const { pointerBytes, manifestBytes } = release(5);
    const answers = { pointer: pointerBytes, manifest: manifestBytes };
    expect(await load(answers, undefined, NOW + 91 * DAY)).toMatchObject({ outcome: 'new' });
    expect(await load(answers, release(4), NOW + 93 * DAY)).toEqual({ outcome: 'refused', code: 'expired' });
    // Who has that release already keeps it: it is no news, and nothing is wiped.
    expect(await load(answers, release(5), NOW + 93 * DAY)).toEqual({ outcome: 'no-news' });
  });

  it('rollback: an older release is no news, and below the floor refused', async () => {
    const old = release(5);
    const answers = { pointer: old.pointerBytes, manifest: old.manifestBytes };
    expect(await load(answers, release(6))).toEqual({ outcome: 'no-news' });
    const floor = release(4);
    const withdrawn = { ...floor, pointer: { ...floor.pointer, minimumSequence: 6 } };
    expect(await load(answers, withdrawn)).toEqual({ outcome: 'refused', code: 'below-floor' });
  });

  it('mix-and-match: the manifest of another release is refused', async () => {
    const [old, next] = [release(5), release(6)];
    const mixed = { pointer: next.pointerBytes, manifest: old.manifestBytes };
    expect(await load(mixed, old)).toEqual({ outcome: 'refused', code: 'wrong-manifest' });
    // Even a publisher's own mistake: a pointer that names the manifest of another sequence.
    const { manifestHash, manifestBytes } = old.pointer;
    const wrong = release(7, { manifestHash, manifestBytes });
    const found = await load({ pointer: wrong.pointerBytes, manifest: old.manifestBytes }, old);
    expect(found).toEqual({ outcome: 'refused', code: 'wrong-manifest' });
  });

  it('fast-forward: a sequence without successors is refused', async () => {
    const { pointerBytes, manifestBytes } = release(MAX_SEQUENCE + 1);
    const found = await load({ pointer: pointerBytes, manifest: manifestBytes }, release(5));
    expect(found).toEqual({ outcome: 'refused', code: 'sequence-too-high' });
  });

  it('endless data is cut off, in the pointer and in the manifest', async () => {
    const sent = { bytes: 0 };
    await expect(load({ pointer: endless(sent) })).rejects.toMatchObject({ code: 'origin-length' });
    const { pointerBytes } = release(5);
    const manifest = endless(sent);
    await expect(load({ pointer: pointerBytes, manifest })).rejects.toMatchObject({ code: 'origin-length' });
    // What a socket holds, not what the origin would send.
    expect(sent.bytes).toBeLessThan(64_000_000);
  });

  it('wrong app: a pointer of another app or channel is refused', async () => {
    for (const [changes, code] of [
      [{ app: 'other' }, 'wrong-app'],
      [{ channel: 'beta' }, 'wrong-channel'],
    ] as const) {
      const { pointerBytes, manifestBytes } = release(9, changes);
      const found = await load({ pointer: pointerBytes, manifest: manifestBytes }, release(5));
      expect(found).toEqual({ outcome: 'refused', code });
    }
  });

  it('is asked for the pointer alone when the same release was signed again', async () => {
    const later = release(5, { created: NOW + DAY, expires: NOW + 91 * DAY });
    const found = await load({ pointer: later.pointerBytes }, release(5));
    expect(found).toMatchObject({ outcome: 'renewed', pointer: { expires: NOW + 91 * DAY } });
  });
});
