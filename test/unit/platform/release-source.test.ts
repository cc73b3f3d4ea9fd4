import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { verifyPointer } from '../../../src/platform/pointer-signature.ts';
import { loadRelease, type ReleaseRequest } from '../../../src/platform/release-source.ts';
import { subtleDigest } from '../../../src/platform/subtle-digest.ts';
import { manifestPath, POINTER_PATH } from '../../../src/protocol/layout.ts';
import { decodeManifest, encodeManifest, type Manifest } from '../../../src/protocol/manifest.ts';
import { encodePointer, type Pointer, pointerBytesToSign } from '../../../src/protocol/pointer.ts';
import type { WorkerConfig } from '../../../src/protocol/worker-config.ts';
import { serve } from '../../stage/listening-server.ts';

const NOW = 1_800_000_000;

interface Key {
  readonly hex: string;
  readonly privateKey: KeyObject;
}

function newKey(): Key {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return { hex: Buffer.from(x, 'base64url').toString('hex'), privateKey };
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const manifest: Manifest = {
  app: 'app',
  channel: 'stable',
  sequence: 7,
  version: '1.0',
  created: NOW,
  settings: '{}',
  chunking: { minimumBytes: 1, averageBytes: 2, maximumBytes: 3 },
  packs: [],
  headerSets: [],
  files: [],
};

function pointerTo(manifestBytes: Uint8Array, changes: Partial<Pointer> = {}): Pointer {
  return {
    app: 'app',
    channel: 'stable',
    sequence: 7,
    created: NOW,
    expires: NOW + 1000,
    minimumSequence: 0,
    manifestHash: sha256(manifestBytes),
    manifestBytes: manifestBytes.length,
    ...changes,
  };
}

function signed(pointer: Pointer, ...keys: Key[]): Uint8Array {
  const bytes = pointerBytesToSign(pointer);
  const signatures = keys.map(({ hex, privateKey }) => ({
    key: sha256(Buffer.from(hex, 'hex')).slice(0, 16),
    signature: new Uint8Array(sign(null, bytes, privateKey)),
  }));
  return encodePointer(pointer, signatures);
}

const key = newKey();
const config: WorkerConfig = { app: 'app', channel: 'stable', keys: [key.hex], development: false };

/** Serves files by path below the scope; what is missing is 404. */
function serveFiles(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  return serve((request, response) => {
    const file = files[(request.url ?? '').replace('/app/', '')];
    response.writeHead(file === undefined ? 404 : 200).end(file);
  });
}

function load(base: string, changes: Partial<ReleaseRequest> = {}) {
  return loadRelease({
    base,
    fetch,
    config,
    known: undefined,
    now: () => NOW * 1000,
    digest: subtleDigest(),
    decode: decodeManifest,
    ...changes,
  });
}

describe('the release source', () => {
  it('loads a signed release, and has no news when it is known', async () => {
    const manifestBytes = encodeManifest(manifest);
    const pointer = pointerTo(manifestBytes);
    const pointerBytes = signed(pointer, key);
    const base = await serveFiles({
      [POINTER_PATH]: pointerBytes,
      [manifestPath(pointer.manifestHash)]: manifestBytes,
    });
    expect(await load(base)).toEqual({
      outcome: 'new',
      pointer,
      manifest,
      pointerBytes: new Uint8Array(pointerBytes),
      manifestBytes: new Uint8Array(manifestBytes),
    });
    expect(await load(base, { known: pointer })).toEqual({ outcome: 'no-news' });
  });

  it('refuses a pointer of another key, of another app, and after its time', async () => {
    const manifestBytes = encodeManifest(manifest);
    const refusal = async (pointerBytes: Uint8Array, changes: Partial<ReleaseRequest> = {}) =>
      load(await serveFiles({ [POINTER_PATH]: pointerBytes }), changes);
    const ours = signed(pointerTo(manifestBytes), key);
    expect(await refusal(signed(pointerTo(manifestBytes), newKey()))).toEqual({
      outcome: 'refused',
      code: 'bad-signature',
    });
    expect(await refusal(signed(pointerTo(manifestBytes, { app: 'other' }), key))).toMatchObject({ code: 'wrong-app' });
    expect(await refusal(ours, { now: () => (NOW + 10_000_000) * 1000 })).toMatchObject({ code: 'expired' });
  });

  it('says retired for a newer pointer that names no manifest, when its signature and time fit', async () => {
    const retirement = pointerTo(new Uint8Array(), { sequence: 8 });
    const outcome = async (bytes: Uint8Array, changes: Partial<ReleaseRequest> = {}) =>
      load(await serveFiles({ [POINTER_PATH]: bytes }), changes);
    const known = pointerTo(encodeManifest(manifest));
    expect(await outcome(signed(retirement, key), { known })).toEqual({ outcome: 'refused', code: 'retired' });
    expect(await outcome(signed(retirement, newKey()), { known })).toMatchObject({ code: 'bad-signature' });
    expect(await outcome(signed({ ...retirement, app: 'other' }, key), { known })).toMatchObject({ code: 'wrong-app' });
    const late = { known, now: () => (NOW + 10_000_000) * 1000 };
    expect(await outcome(signed(retirement, key), late)).toMatchObject({ code: 'expired' });
    const revived = { known: { ...known, sequence: 9 } };
    expect(await outcome(signed(retirement, key), revived)).toEqual({ outcome: 'no-news' });
  });

  it('refuses a manifest that is not the one named, or that speaks of another release', async () => {
    const manifestBytes = encodeManifest(manifest);
    const pointer = pointerTo(manifestBytes);
    const damaged = manifestBytes.slice();
    damaged[10] = (damaged[10] ?? 0) ^ 1;
    for (const [file, code] of [
      [damaged, 'wrong-manifest'],
      [manifestBytes.subarray(1), 'wrong-manifest'],
    ] as const) {
      const files = { [POINTER_PATH]: signed(pointer, key), [manifestPath(pointer.manifestHash)]: file };
      expect(await load(await serveFiles(files))).toEqual({ outcome: 'refused', code });
    }
    for (const other of [{ sequence: 8 }, { app: 'else' }, { channel: 'beta' }]) {
      const bytes = encodeManifest({ ...manifest, ...other });
      const named = pointerTo(bytes);
      const files = { [POINTER_PATH]: signed(named, key), [manifestPath(named.manifestHash)]: bytes };
      expect(await load(await serveFiles(files))).toEqual({ outcome: 'refused', code: 'wrong-manifest' });
    }
  });

  it('stops reading what is longer than it may be', async () => {
    const hangUps: Promise<void>[] = [];
    const manifestBytes = encodeManifest(manifest);
    const pointer = pointerTo(manifestBytes);
    let isPointerEndless = true;
    const base = await serve((request, response) => {
      if (request.url?.endsWith(POINTER_PATH) && !isPointerEndless) {
        response.end(signed(pointer, key));
        return;
      }
      hangUps.push(new Promise((resolve) => response.on('close', () => resolve())));
      const write = (): void => {
        if (!response.destroyed) response.write(new Uint8Array(100_000), write);
      };
      write();
    });
    await expect(load(base)).rejects.toMatchObject({ code: 'origin-length' });
    isPointerEndless = false;
    await expect(load(base)).rejects.toMatchObject({ code: 'origin-length' });
    await Promise.all(hangUps);
    expect(hangUps).toHaveLength(2);
  });

  it('says malformed for an HTML page, and the status for what is not there', async () => {
    const html = await serveFiles({ [POINTER_PATH]: '<!doctype html><title>my app</title>' });
    expect(await load(html)).toEqual({ outcome: 'refused', code: 'malformed' });
    await expect(load(await serveFiles({}))).rejects.toMatchObject({ code: 'origin-status', status: 404 });
    await expect(load('http://127.0.0.1:9/')).rejects.toMatchObject({ code: 'origin-unreachable' });
  });
});

describe('the signature of a pointer', () => {
  const pointer = pointerTo(encodeManifest(manifest));

  it('counts when any key of the config made it, whatever else signed as well', async () => {
    const other = newKey();
    expect(await verifyPointer(signed(pointer, other, key), config)).toEqual(pointer);
    expect(await verifyPointer(signed(pointer, key), { ...config, keys: [other.hex, key.hex] })).toEqual(pointer);
  });

  it('does not count with one bit changed, without signatures, or under the id of another key', async () => {
    const bytes = signed(pointer, key);
    for (let index = 8; index < bytes.length; index += 1) {
      const changed = bytes.slice();
      changed[index] = (changed[index] ?? 0) ^ 1;
      await expect(verifyPointer(changed, config), `byte ${index}`).rejects.toHaveProperty('code');
    }
    await expect(verifyPointer(signed(pointer), config)).rejects.toMatchObject({ code: 'bad-signature' });
    const liar = { hex: key.hex, privateKey: newKey().privateKey };
    await expect(verifyPointer(signed(pointer, liar), config)).rejects.toMatchObject({ code: 'bad-signature' });
  });
});
