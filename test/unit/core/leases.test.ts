import { describe, expect, it } from 'vitest';
import type { CatalogPack } from '../../../src/core/catalog.ts';
import { LeaseHolder } from '../../../src/core/lease-holder.ts';
import { isOurTurn, PATIENCE_MS, type TurnFacts } from '../../../src/core/origin-turns.ts';
import { readUnits } from '../../../src/protocol/lease-units.ts';
import { CHUNKS_PER_LEASE } from '../../../src/protocol/limits.ts';

const PACK = { id: 'a'.repeat(64) } as CatalogPack;
const units = (numbers: readonly number[]) =>
  numbers.map((number) => ({ pack: PACK, index: number * CHUNKS_PER_LEASE + 3 }));

describe('the lease holder', () => {
  it('tells which units it lacks, once, and no more often than ten times a second', () => {
    const holder = new LeaseHolder();
    const want = holder.report(units([2, 0]), 0, 0);
    expect(want?.leases).toBe(2);
    expect(want?.packs.map(({ pack, units: hex }) => [pack, readUnits(hex)])).toEqual([[PACK.id, [0, 2]]]);
    expect(holder.report(units([2]), 0, 50)).toBeUndefined();
    expect(holder.report(units([2, 0]), 0, 150)).toBeUndefined();
    expect(readUnits(holder.report(units([2]), 0, 150)?.packs[0]?.units ?? '')).toEqual([2]);
  });

  it('says nothing when it never lacked anything, and a last word when it lacks nothing any more', () => {
    const holder = new LeaseHolder();
    expect(holder.report([], 0, 0)).toBeUndefined();
    holder.report(units([1]), 0, 100);
    expect(holder.isOpen).toBe(true);
    expect(holder.report([], 0, 300)?.packs).toEqual([]);
    expect(holder.isOpen).toBe(false);
  });

  it('has the chunks of a granted unit until it lacks it no more, or joins anew', () => {
    const holder = new LeaseHolder();
    holder.report(units([0, 1]), 0, 0);
    holder.add([{ pack: PACK.id, unit: 1 }]);
    expect(holder.has({ pack: PACK, index: CHUNKS_PER_LEASE })).toBe(true);
    expect(holder.has({ pack: PACK, index: CHUNKS_PER_LEASE - 1 })).toBe(false);
    holder.report(units([0]), 0, 200);
    expect(holder.has({ pack: PACK, index: CHUNKS_PER_LEASE })).toBe(false);
    holder.add([{ pack: PACK.id, unit: 0 }]);
    holder.reset();
    expect(holder.has({ pack: PACK, index: 0 })).toBe(false);
  });

  it('lacks no unit of which chunks turn up at partners, until two seconds pass without one, or it is granted', () => {
    const holder = new LeaseHolder();
    const told = (nowMs: number) => readUnits(holder.report(units([0, 1]), 0, nowMs)?.packs[0]?.units ?? '');
    holder.report(units([0, 1, 2]), 0, 0);
    holder.onNews({ pack: PACK, index: CHUNKS_PER_LEASE - 1 }, 100);
    expect(told(200)).toEqual([1]);
    holder.onNews({ pack: PACK, index: CHUNKS_PER_LEASE - 2 }, 1900);
    expect(told(3899)).toEqual([]);
    expect(told(3900)).toEqual([0, 1]);
    holder.onNews({ pack: PACK, index: CHUNKS_PER_LEASE }, 4000);
    expect(told(4100)).toEqual([0]);
    holder.add([{ pack: PACK.id, unit: 1 }]);
    expect(told(4300)).toEqual([0, 1]);
  });

  it('asks for more leases the faster it uses them up', () => {
    const holder = new LeaseHolder();
    let next = 0;
    let open: number[] = [];
    let leases = 0;
    for (let nowMs = 0; nowMs < 5000; nowMs += 100) {
      // Whatever was granted is fetched within 100 ms.
      const report = holder.report(units(Array.from({ length: 40 }, (_, index) => next + index)), 0, nowMs);
      leases = report?.leases ?? leases;
      open = Array.from({ length: leases }, (_, index) => next + index);
      holder.add(open.map((unit) => ({ pack: PACK.id, unit })));
      next += open.length;
    }
    expect(leases).toBe(32);
  });

  it('asks for no lease while it gives away what no partner has, for few when nobody takes it', () => {
    const holder = new LeaseHolder();
    const leases = (ungiven: number, nowMs: number) => holder.report(units([0, 1, 2]), ungiven, nowMs)?.leases;
    expect(leases(2 * CHUNKS_PER_LEASE + 1, 0)).toBe(1);
    expect(leases(2 * CHUNKS_PER_LEASE, 100)).toBe(0);
    expect(leases(2 * CHUNKS_PER_LEASE - 1, 200)).toBe(2);
    expect(leases(2 * CHUNKS_PER_LEASE, 300)).toBe(0);
    expect(leases(2 * CHUNKS_PER_LEASE, 2199)).toBeUndefined();
    expect(leases(2 * CHUNKS_PER_LEASE, 2200)).toBe(2);
  });

  it('asks for twice as many each half second in which nobody takes it: no partner may want it', () => {
    const holder = new LeaseHolder();
    let next = 0;
    let leases = 0;
    const asked = new Set<number>();
    for (let nowMs = 0; nowMs <= 4000; nowMs += 100) {
      const wanted = units(Array.from({ length: 80 }, (_, index) => next + index));
      leases = holder.report(wanted, 100 + next, nowMs)?.leases ?? leases;
      asked.add(leases);
      const granted = Array.from({ length: leases }, (_, index) => next + index);
      holder.add(granted.map((unit) => ({ pack: PACK.id, unit })));
      next += leases;
    }
    expect([...asked]).toEqual([1, 2, 4, 8, 16, 32]);
  });
});

describe('whose turn it is at the origin', () => {
  const [location] = units([0]) as [{ pack: CatalogPack; index: number }];
  const peers = ['1', '2', '3', '4'].map((digit) => digit.repeat(32));
  const facts = (self: string, waitedMs: number, hasServer: boolean): TurnFacts => ({
    nowMs: 100_000 + waitedMs,
    hasServer,
    serverLostMs: 0,
    self,
    partners: peers.filter((peer) => peer !== self),
    dialing: [],
    progressMs: 100_000,
  });

  it('is the lease that says so while there is a server, until patience ends for one after the other', () => {
    const goers = (waitedMs: number) =>
      peers.filter((peer) => isOurTurn(location, false, false, facts(peer, waitedMs, true)));
    expect(isOurTurn(location, true, false, facts('1', 0, true))).toBe(true);
    expect(goers(PATIENCE_MS - 1)).toEqual([]);
    expect(goers(PATIENCE_MS)).toHaveLength(1);
    expect(goers(PATIENCE_MS + 1500)).toHaveLength(2);
    expect(goers(PATIENCE_MS + 3 * 1500)).toEqual(peers);
  });

  it('is ours soon when the server grants nothing and no partner is there to wait for', () => {
    const alone = { ...facts('1', 1500, true), partners: [] };
    expect(isOurTurn(location, false, false, alone)).toBe(true);
    expect(isOurTurn(location, false, false, { ...alone, nowMs: alone.nowMs - 1 })).toBe(false);
  });

  it('waits as long while partners are being connected, and comes for one after the other', () => {
    const goers = (waitedMs: number) =>
      peers.filter((peer) => {
        const { partners, ...rest } = facts(peer, waitedMs, true);
        return isOurTurn(location, false, false, { ...rest, partners: [], dialing: partners });
      });
    expect(goers(PATIENCE_MS - 1)).toEqual([]);
    expect(goers(PATIENCE_MS)).toHaveLength(1);
    expect(goers(PATIENCE_MS + 1500)).toHaveLength(2);
    expect(goers(PATIENCE_MS + 3 * 1500)).toEqual(peers);
  });

  it('comes after some seconds to whoever has no partner, however many are named', () => {
    const dialing = Array.from({ length: 20 }, (_, index) => index.toString(16).padStart(32, '0'));
    for (const self of peers) {
      const facing: TurnFacts = { ...facts(self, 2 * PATIENCE_MS, true), partners: [], dialing };
      expect(isOurTurn(location, false, false, facing)).toBe(true);
    }
  });

  it('is one partner after the other without a server, the same order for all of them', () => {
    const goers = (waitedMs: number) =>
      peers.filter((peer) => isOurTurn(location, false, false, facts(peer, waitedMs, false)));
    expect(goers(0)).toEqual([]);
    const first = goers(1500);
    expect(first).toHaveLength(1);
    const second = goers(3000);
    expect(second).toHaveLength(2);
    expect(second).toEqual(expect.arrayContaining(first));
    expect(peers.every((peer) => isOurTurn(location, false, false, facts(peer, PATIENCE_MS, false)))).toBe(true);
  });

  it('comes sooner to who is first of all than to who is first among its partners only', () => {
    const ring = Array.from({ length: 12 }, (_, index) => index.toString(16).repeat(32));
    const turnMs = (self: string, partners: readonly string[]) =>
      Array.from({ length: 1500 }, (_, waitedMs) => waitedMs).find((waitedMs) =>
        isOurTurn(location, false, false, { ...facts(self, waitedMs, false), partners }),
      );
    const ofAll = ring.filter(
      (self) =>
        turnMs(
          self,
          ring.filter((peer) => peer !== self),
        ) !== undefined,
    );
    expect(ofAll).toHaveLength(1);
    const turns = new Map(
      ring.map((self, at) => [self, turnMs(self, [ring.at(at - 1) ?? '', ring[(at + 1) % 12] ?? ''])]),
    );
    const times = [...turns.values()].filter((ms) => ms !== undefined).sort((a, b) => a - b);
    expect(times.length).toBeGreaterThan(1);
    expect(new Set(times).size).toBe(times.length);
    expect(turns.get(ofAll[0] ?? '')).toBe(times[0]);
  });

  it('stays as it was granted for a while when the server is lost, as nobody knows who fetches what', () => {
    const lost = peers.map((peer) => ({ ...facts(peer, 0, false), serverLostMs: 100_001 - PATIENCE_MS }));
    expect(lost.some((one) => isOurTurn(location, false, false, one))).toBe(false);
    expect(lost.every((one) => isOurTurn(location, true, false, one))).toBe(true);
    const goers = (ms: number) =>
      lost.filter((one) => isOurTurn(location, false, false, { ...one, nowMs: one.nowMs + ms }));
    expect(goers(1501)).toHaveLength(1);
  });

  it('is one partner after the other when that while is over, however long nothing has come in it', () => {
    const lost = peers.map((peer) => ({ ...facts(peer, PATIENCE_MS, false), serverLostMs: 100_000 }));
    const goers = (ms: number) =>
      lost.filter((one) => isOurTurn(location, false, false, { ...one, nowMs: one.nowMs + ms }));
    expect(goers(0)).toEqual([]);
    expect(goers(1500)).toHaveLength(1);
    expect(goers(3000)).toHaveLength(2);
  });

  it("is nobody else's without a server while chunks of the unit turn up", () => {
    expect(peers.some((peer) => isOurTurn(location, false, true, facts(peer, PATIENCE_MS, false)))).toBe(false);
    expect(peers.every((peer) => isOurTurn(location, true, true, facts(peer, 0, false)))).toBe(true);
  });

  it('falls on different partners for different units', () => {
    const firsts = units(Array.from({ length: 40 }, (_, index) => index)).map((unit) =>
      peers.find((peer) => isOurTurn(unit, false, false, facts(peer, 1500, false))),
    );
    for (const peer of peers) expect(firsts.filter((one) => one === peer).length).toBeGreaterThan(3);
  });

  it('is ours when nobody else is known', () => {
    expect(isOurTurn(location, false, false, { ...facts('1', 0, false), partners: [] })).toBe(true);
    expect(isOurTurn(location, false, false, { ...facts('1', 0, false), self: undefined })).toBe(true);
  });
});
