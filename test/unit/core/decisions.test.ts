import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../../src/core/backoff.ts';
import { Bitfield } from '../../../src/core/bitfield.ts';
import { Catalog, type CatalogPack } from '../../../src/core/catalog.ts';
import { Demand, type WantedChunk } from '../../../src/core/demand.ts';
import { FlowWindow } from '../../../src/core/flow-window.ts';
import { NODE_POLICY, TAB_POLICY } from '../../../src/core/policy.ts';
import { arePeersSlow, askOrigin, isMissing, type SourceFacts } from '../../../src/core/source-policy.ts';
import { MAX_SPAN_BYTES, pickFirst, pickSpan } from '../../../src/core/span-picker.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { randomFiles, tinyRelease } from '../../fakes/tiny-release.ts';

const NOBODY = { onChunk: () => undefined, onMissing: () => undefined };
const CHUNK_BYTES = 1024;

function packOf(chunks: number, chunkBytes = CHUNK_BYTES): CatalogPack {
  const files = randomFiles(new SeededRandom(3), [chunks * chunkBytes]);
  const { manifest } = tinyRelease({ sequence: 1, files, chunkBytes, chunksPerPack: chunks, deflate: false });
  return [...new Catalog([manifest]).packs.values()][0] as CatalogPack;
}

function want(demand: Demand, pack: CatalogPack, index: number, urgency: 'urgent' | 'bulk' = 'bulk'): void {
  demand.add(pack.chunks[index]?.id ?? '', { location: { pack, index }, urgency, isShared: true }, NOBODY, 0);
}

describe('Bitfield', () => {
  it('gives the same bits after a round trip', () => {
    const field = new Bitfield(11);
    for (const index of [0, 7, 8, 10]) field.set(index);
    const copy = Bitfield.fromBytes(field.toBytes(), 11);
    expect(copy.count).toBe(4);
    expect([0, 1, 7, 8, 9, 10, 11].filter((index) => copy.has(index))).toEqual([0, 7, 8, 10]);
    copy.clear(7);
    expect(copy.count).toBe(3);
  });

  it('refuses bytes of another length and spare bits', () => {
    expect(() => Bitfield.fromBytes(new Uint8Array(3), 11)).toThrow('wrong length');
    expect(() => Bitfield.fromBytes(Uint8Array.of(0, 0b1000), 11)).toThrow('spare bit');
  });
});

describe('pickSpan()', () => {
  it('starts at the first wanted chunk and goes on while the neighbours are wanted', () => {
    const pack = packOf(8);
    const demand = new Demand();
    for (const index of [4, 5, 6, 1]) want(demand, pack, index);
    expect(pickSpan(demand, () => true, MAX_SPAN_BYTES)).toEqual({ pack, first: 4, count: 3 });
    expect(pickSpan(demand, (wanted) => wanted.location.index !== 5, MAX_SPAN_BYTES)).toMatchObject({
      first: 4,
      count: 1,
    });
  });

  it('takes urgent chunks before bulk ones', () => {
    const pack = packOf(8);
    const demand = new Demand();
    want(demand, pack, 0);
    want(demand, pack, 6, 'urgent');
    expect(pickSpan(demand, () => true, MAX_SPAN_BYTES)).toMatchObject({ first: 6, count: 1 });
    want(demand, pack, 0, 'urgent');
    expect([...demand.inOrder()].map((wanted) => wanted.location.index)).toEqual([6, 0]);
  });

  it('keeps within the bytes allowed, but always names a chunk', () => {
    const pack = packOf(8);
    const demand = new Demand();
    for (let index = 0; index < 8; index += 1) want(demand, pack, index);
    expect(pickSpan(demand, () => true, 3 * CHUNK_BYTES)).toMatchObject({ first: 0, count: 3 });
    expect(pickSpan(demand, () => true, 1)).toMatchObject({ first: 0, count: 1 });
    expect(pickSpan(new Demand(), () => true, 1)).toBeUndefined();
  });
});

describe('the source policy', () => {
  const facts: SourceFacts = {
    nowMs: 1000,
    isAlone: false,
    introducing: false,
    cutOff: false,
    peersAreSlow: false,
    isOurTurn: () => true,
  };
  const chunk = (fields: Partial<WantedChunk>): WantedChunk => ({
    id: '',
    location: { pack: packOf(1), index: 0 },
    wantedAtMs: 1000,
    receivers: new Set(),
    isShared: true,
    urgency: 'bulk',
    peer: undefined,
    latePeer: undefined,
    atOrigin: undefined,
    originFailures: 0,
    nextForm: 'pack',
    originRetryAtMs: 0,
    arrived: false,
    ...fields,
  });

  it('sends urgent chunks to the origin at once, unless a peer has them', () => {
    expect(askOrigin(chunk({ urgency: 'urgent' }), false, { ...facts, introducing: true }, TAB_POLICY)).toBe(true);
    expect(askOrigin(chunk({ urgency: 'urgent' }), true, facts, TAB_POLICY)).toBe(false);
  });

  it('hedges an urgent chunk when the peer is late', () => {
    const late = { ...facts, nowMs: 1000 + TAB_POLICY.urgentHedgeMs };
    expect(askOrigin(chunk({ urgency: 'urgent', peer: 'x' }), true, late, TAB_POLICY)).toBe(true);
  });

  it('lets bulk chunks wait for the introduction and for peers that are fast enough', () => {
    expect(askOrigin(chunk({}), false, { ...facts, introducing: true }, TAB_POLICY)).toBe(false);
    expect(askOrigin(chunk({}), false, facts, TAB_POLICY)).toBe(true);
    expect(askOrigin(chunk({}), false, { ...facts, isOurTurn: () => false }, TAB_POLICY)).toBe(false);
    expect(askOrigin(chunk({}), true, facts, TAB_POLICY)).toBe(false);
    expect(askOrigin(chunk({}), true, { ...facts, peersAreSlow: true }, TAB_POLICY)).toBe(true);
    expect(askOrigin(chunk({ peer: 'x' }), true, { ...facts, peersAreSlow: true }, TAB_POLICY)).toBe(false);
    const notOurs = { ...facts, peersAreSlow: true, isOurTurn: () => false };
    expect(askOrigin(chunk({}), true, notOurs, TAB_POLICY)).toBe(false);
  });

  it('calls peers slow that give less than the minimum, far less than the origin, and do not get faster', () => {
    const slow = { bytesPerMs: 100, recentBytesPerMs: 100, isGrowing: false };
    const origin = { bytesPerMs: 1000, recentBytesPerMs: 1000, isGrowing: false };
    expect(arePeersSlow(slow, origin, TAB_POLICY)).toBe(true);
    expect(arePeersSlow(slow, { ...origin, bytesPerMs: undefined }, TAB_POLICY)).toBe(true);
    expect(arePeersSlow(slow, { ...origin, bytesPerMs: 300 }, TAB_POLICY)).toBe(false);
    expect(arePeersSlow({ ...slow, isGrowing: true }, origin, TAB_POLICY)).toBe(false);
    expect(arePeersSlow({ ...slow, recentBytesPerMs: 250 }, { ...origin, bytesPerMs: 9000 }, TAB_POLICY)).toBe(false);
    expect(arePeersSlow({ ...slow, recentBytesPerMs: undefined }, origin, TAB_POLICY)).toBe(false);
    expect(arePeersSlow({ ...slow, recentBytesPerMs: 0 }, origin, NODE_POLICY)).toBe(false);
  });

  it('never asks twice at a time, nor before the retry is due', () => {
    for (const fields of [{ atOrigin: 'pack' } as const, { arrived: true }, { originRetryAtMs: 2000 }]) {
      expect(askOrigin(chunk({ urgency: 'urgent', ...fields }), false, facts, TAB_POLICY)).toBe(false);
    }
  });

  it('calls a chunk missing only when the origin refused it and no peer is in sight', () => {
    const late = { ...facts, nowMs: 9000 };
    expect(isMissing(chunk({}), false, { ...facts, cutOff: true })).toBe(false);
    expect(isMissing(chunk({ originFailures: 1 }), false, { ...facts, cutOff: true })).toBe(true);
    expect(isMissing(chunk({ originFailures: 1 }), false, facts)).toBe(false);
    expect(isMissing(chunk({ originFailures: 1 }), false, late)).toBe(true);
    expect(isMissing(chunk({ originFailures: 1 }), true, late)).toBe(false);
  });
});

describe('pickFirst()', () => {
  it('takes what the fewest have, urgent chunks first, and everything in order among few peers', () => {
    const pack = packOf(8);
    const demand = new Demand();
    for (let index = 0; index < 8; index += 1) want(demand, pack, index);
    const holders = ({ location }: WantedChunk): number => (location.index === 5 ? 1 : 3);
    const first = (turn?: number): number | undefined =>
      pickFirst([...demand.inOrder()], () => true, holders, turn)?.location.index;
    expect(first()).toBe(0);
    expect(first(0.9)).toBe(5);
    want(demand, pack, 6, 'urgent');
    expect(first(0.9)).toBe(6);
  });

  it('begins at another place for another turn when all are equally rare', () => {
    const pack = packOf(8);
    const demand = new Demand();
    for (let index = 0; index < 8; index += 1) want(demand, pack, index);
    const first = (turn: number): number | undefined =>
      pickFirst(
        [...demand.inOrder()],
        () => true,
        () => 2,
        turn,
      )?.location.index;
    expect([first(0), first(0.5), first(0.99)]).toEqual([0, 4, 7]);
  });
});

describe('FlowWindow', () => {
  /** A peer behind a simulated path answers as fast as the path allows, never more than the window at once. */
  function windowAfter(bytesPerMs: number, rttMs: number, ms: number): FlowWindow {
    const window = new FlowWindow();
    window.onRoundTrip(rttMs);
    window.onRequest(0);
    for (let now = 0; now < ms; now += 10) {
      const perRoundTrip = Math.min(bytesPerMs, window.bytes / rttMs);
      window.onBytes(perRoundTrip * 10, now);
    }
    return window;
  }

  it('grows until it fills a long fast path', () => {
    const window = windowAfter(10_000, 80, 5000);
    expect(window.bytesPerMs).toBeGreaterThan(9500);
    expect(window.bytes).toBeGreaterThan(10_000 * 80);
  });

  it('stays small on a slow path', () => {
    expect(windowAfter(50, 200, 5000).bytes).toBe(128 * 1024);
  });

  it('is a chunk at first where many are connected, and more for one that is fast', () => {
    const window = new FlowWindow();
    window.peers = 12;
    expect(window.bytes).toBe(64 * 1024);
    window.onRoundTrip(50);
    window.onRequest(0);
    window.onBytes(64 * 1024, 60);
    window.onIdle();
    expect(window.bytes).toBeGreaterThan(128 * 1024);
  });

  it('does not take a pause for a slow peer', () => {
    const window = windowAfter(5000, 20, 2000);
    const before = window.bytesPerMs;
    window.onIdle();
    window.onBytes(64 * 1024, 60_000);
    expect(window.bytesPerMs).toBe(before);
  });
});

describe('backoffMs()', () => {
  it('doubles up to the maximum and keeps at least half of it', () => {
    const random = new SeededRandom(5);
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const ceiling = Math.min(30_000, 1000 * 2 ** attempt);
      const delay = backoffMs(attempt, { firstMs: 1000, maximumMs: 30_000 }, random);
      expect(delay).toBeGreaterThanOrEqual(ceiling / 2);
      expect(delay).toBeLessThanOrEqual(ceiling);
    }
  });
});
