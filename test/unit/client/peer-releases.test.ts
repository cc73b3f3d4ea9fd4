import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { PeerReleases } from '../../../src/client/peer-releases.ts';
import { encodePointer, type Pointer, pointerBytesToSign } from '../../../src/protocol/pointer.ts';
import { syncDigest } from '../../fakes/sync-digest.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const PEER = 'f'.repeat(32);
const OTHERS = ['a', 'b', 'c'].map((digit) => digit.repeat(32));
const MANIFEST = new TextEncoder().encode('what the worker will read');
/** Unix seconds. */
const NOW = 2_000_000_000;

const ours = generateKeyPairSync('ed25519');
const foreign = generateKeyPairSync('ed25519');

const rawKey = (key: KeyObject) => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function pointerOf(fields: Partial<Pointer> = {}): Pointer {
  return {
    app: 'app',
    channel: 'stable',
    sequence: 2,
    created: NOW - 100,
    expires: NOW + 1000,
    minimumSequence: 0,
    manifestHash: sha256(MANIFEST),
    manifestBytes: MANIFEST.length,
    ...fields,
  };
}

function signed(fields: Partial<Pointer> = {}, pair = ours): Uint8Array<ArrayBuffer> {
  const pointer = pointerOf(fields);
  const key = sha256(Buffer.from(rawKey(pair.publicKey), 'hex')).slice(0, 16);
  const signature = new Uint8Array(sign(null, pointerBytesToSign(pointer), pair.privateKey));
  return encodePointer(pointer, [{ key, signature }]);
}

describe('a release that a peer tells of', () => {
  let bans: string[];
  let offers: [Uint8Array, Uint8Array][];
  let pulls: number;
  let given: Uint8Array<ArrayBuffer> | undefined;
  let refusal: string | undefined;
  let clock: VirtualClock;
  let silent: string | undefined;
  let releases: PeerReleases;

  beforeEach(() => {
    [bans, offers, pulls, given, refusal] = [[], [], 0, MANIFEST, undefined];
    [clock, silent] = [new VirtualClock(), undefined];
    releases = new PeerReleases({
      clock,
      config: { app: 'app', channel: 'stable', keys: [rawKey(ours.publicKey)], development: false },
      digest: syncDigest(),
      now: () => NOW * 1000,
      pull: (peer, hash, length) => {
        pulls += 1;
        if (peer === silent) return new Promise(() => undefined);
        expect([hash, length]).toEqual([sha256(MANIFEST), MANIFEST.length]);
        return Promise.resolve(given);
      },
      ban: (_peer, code) => bans.push(code),
      offer: (...offer) => {
        if (refusal !== undefined) return Promise.reject(Object.assign(new Error('refused'), { detail: refusal }));
        offers.push(offer);
        return Promise.resolve();
      },
    });
    releases.setKnown(pointerOf({ sequence: 1, minimumSequence: 1 }));
  });

  it('is offered to the worker, once, whoever else tells of it', async () => {
    const bytes = signed();
    const outcomes = await Promise.all(OTHERS.map((peer) => releases.handlePointer(peer, bytes)));
    expect(outcomes).toEqual(['offered', 'no-news', 'no-news']);
    expect(offers).toEqual([[bytes, MANIFEST]]);
    expect(pulls).toBe(1);
    expect(bans).toEqual([]);
  });

  it.each([
    ['another key signed it', () => signed({}, foreign), 'bad-signature'],
    ['it is of another app', () => signed({ app: 'other' }), 'wrong-app'],
    ['it is of another channel', () => signed({ channel: 'beta' }), 'wrong-channel'],
    ['its sequence leaves no room', () => signed({ sequence: 2 ** 35 }), 'sequence-too-high'],
    ['it is no pointer', () => new Uint8Array([1, 2, 3]), 'malformed'],
    [
      'a byte of it was changed',
      () => signed().map((byte, index) => (index === 16 ? byte ^ 1 : byte)),
      'bad-signature',
    ],
  ])('is refused when %s, and the peer is banned', async (_, bytes, code) => {
    expect(await releases.handlePointer(PEER, bytes())).toBe(code);
    expect(bans).toEqual([code]);
    expect([pulls, offers]).toEqual([0, []]);
  });

  it.each([
    ['it is older', () => signed({ sequence: 1 }), 'no-news'],
    ['its time is over', () => signed({ created: 1, expires: NOW - 3 * 86_400 }), 'expired'],
    ['it was withdrawn', () => signed({ sequence: 3, minimumSequence: 0 }), 'below-floor'],
    ['it takes the app away', () => signed({ manifestBytes: 0 }), 'retired'],
  ])('is left alone when %s: honest peers tell that, too', async (_, bytes, code) => {
    releases.setKnown(pointerOf({ sequence: 1, minimumSequence: code === 'below-floor' ? 9 : 1 }));
    expect(await releases.handlePointer(PEER, bytes())).toBe(code);
    expect([bans, pulls, offers]).toEqual([[], 0, []]);
  });

  it('with another manifest than the pointer names is refused, and the peer is banned', async () => {
    given = MANIFEST.slice().fill(0);
    expect(await releases.handlePointer(PEER, signed())).toBe('wrong-manifest');
    expect([bans, offers]).toEqual([['wrong-manifest'], []]);
  });

  it('is asked of the next peer when the first does not give its manifest, or the worker does not take it', async () => {
    given = undefined;
    expect(await releases.handlePointer(PEER, signed())).toBe('unavailable');
    given = MANIFEST;
    refusal = 'wrong-manifest';
    expect(await releases.handlePointer(PEER, signed())).toBe('wrong-manifest');
    refusal = undefined;
    expect(await releases.handlePointer(PEER, signed())).toBe('offered');
    expect(bans).toEqual([]);
  });

  it('comes from the next peer when the first tells of it and never gives its manifest', async () => {
    silent = PEER;
    const outcomes = [PEER, ...OTHERS].map((peer) => releases.handlePointer(peer, signed()));
    await vi.waitFor(() => expect(pulls).toBe(1));
    await clock.advance(3000);
    expect([pulls, offers]).toEqual([1, []]);
    await clock.advance(5);
    expect(await Promise.all(outcomes)).toEqual(['unavailable', 'offered', 'no-news', 'no-news']);
    expect(bans).toEqual([]);
  });

  it('is looked at once, be there ever so many pointers of one peer meanwhile: of those that wait, the last', async () => {
    silent = PEER;
    const first = releases.handlePointer(PEER, signed());
    // Its turn has come: what it says from here on waits.
    await vi.waitFor(() => expect(pulls).toBe(1));
    const flood = Array.from({ length: 1000 }, () => releases.handlePointer(PEER, signed({}, foreign)));
    flood.push(releases.handlePointer(PEER, signed({ app: 'other' })));
    await clock.advance(3005);
    expect(await first).toBe('unavailable');
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['wrong-app', 'superseded']));
    expect(bans).toEqual(['wrong-app']);
  });
});
