import { describe, expect, it } from 'vitest';
import { writeUnits } from '../../../src/protocol/lease-units.ts';
import type { WantedUnits } from '../../../src/protocol/signal-message.ts';
import { type Grant, LeaseBook } from '../../../src/signal-server/lease-book.ts';

const PACK = 'a'.repeat(64);
const FIRST_LEASE_MS = 1500;
const MAXIMUM_LEASE_MS = 20_000;
const MAXIMUM_SPREAD_MS = 120_000;
/** Once one has been used that took no longer than FIRST_LEASE_MS: three times that, and two seconds. */
const SECOND_LEASE_MS = 6500;
const MEETING_MS = 10_000;

function want(units: readonly number[], pack = PACK): { pack: string; units: string }[] {
  return units.length === 0 ? [] : [{ pack, units: writeUnits(units) }];
}

/** Peer → units granted, in one pack. */
function granted(grants: readonly Grant[]): Record<string, number[]> {
  return Object.fromEntries(
    grants.filter(({ leases }) => leases.length > 0).map(({ to, leases }) => [to, leases.map(({ unit }) => unit)]),
  );
}

/** Peer → peers to whom it is introduced. */
function met(grants: readonly Grant[]): Record<string, readonly string[]> {
  return Object.fromEntries(grants.filter(({ meets }) => meets.length > 0).map(({ to, meets }) => [to, meets]));
}

describe('the lease book', () => {
  it('grants each unit to one peer at a time, no more than it has room for', () => {
    const book = new LeaseBook();
    expect(granted(book.want('a', want([0, 1, 2, 3]), 2, 0))).toEqual({ a: [0, 1] });
    expect(granted(book.want('b', want([0, 1, 2, 3]), 2, 0))).toEqual({ b: [2, 3] });
    expect(book.want('c', want([0, 1, 2, 3]), 2, 0)).toEqual([]);
  });

  it('grants the next unit to a holder that no longer lacks one', () => {
    const book = new LeaseBook();
    book.want('a', want([0, 1, 2]), 1, 0);
    expect(granted(book.want('a', want([1, 2]), 1, 100))).toEqual({ a: [1] });
  });

  it('lets a fetched unit spread before it grants it again, and only to somebody who still lacks it', () => {
    const book = new LeaseBook();
    book.want('a', want([0]), 1, 0);
    book.want('b', want([0]), 1, 0);
    book.want('a', [], 1, 1000);
    expect(book.tick(1000 + SECOND_LEASE_MS - 1)).toEqual([]);
    expect(granted(book.tick(1000 + SECOND_LEASE_MS))).toEqual({ b: [0] });
  });

  it('gives what was fetched three times as long as it usually takes to reach somebody, and two seconds', () => {
    const book = new LeaseBook();
    book.want('a', want([0]), 1, 0);
    book.want('b', want([0]), 0, 0);
    book.want('a', [], 1, 1000);
    book.want('b', [], 0, 3000);
    book.want('c', want([1]), 1, 3000);
    book.want('d', want([1]), 1, 3000);
    book.want('c', [], 1, 4000);
    expect(book.tick(4000 + 3 * 2000 + 2000 - 1)).toEqual([]);
    expect(granted(book.tick(4000 + 3 * 2000 + 2000))).toEqual({ d: [1] });
  });

  it('introduces who lacks a unit for ten seconds to its fetcher, once', () => {
    const book = new LeaseBook();
    book.want('a', want([0, 1, 2]), 3, 0);
    book.want('a', want([2]), 3, 1000);
    book.want('a', [], 0, 1000);
    book.want('b', want([0, 1, 2]), 0, 1000);
    book.want('c', want([1, 2]), 2, 1000);
    // Something of what it has fetched reaches somebody.
    book.want('b', want([1, 2]), 0, 6000);
    expect(book.tick(10_999)).toEqual([]);
    expect(met(book.tick(11_000))).toEqual({ c: ['a'] });
    expect(book.tick(20_999)).toEqual([]);
    const grants = book.tick(21_000);
    expect([met(grants), granted(grants)]).toEqual([{}, { c: [1, 2] }]);
  });

  it('introduces twenty to one fetcher, and no more', () => {
    const book = new LeaseBook();
    book.want('a', want([0, 1]), 1, 0);
    book.want('a', want([1]), 0, 1000);
    book.tick(10_000);
    const grants = Array.from({ length: 30 }, (_, peer) => book.want(`peer ${peer}`, want([0]), 1, 10_000)).flat();
    expect(Object.keys(met(grants))).toHaveLength(20);
  });

  it('introduces whoever comes first to what was fetched far ahead to its fetcher at once', () => {
    const book = new LeaseBook();
    book.want('ahead', want([8, 9]), 1, 0);
    book.want('ahead', want([9]), 0, 1000);
    expect(book.tick(10_000)).toEqual([]);
    expect(met(book.want('b', want([8]), 1, 20_000))).toEqual({ b: ['ahead'] });
    expect(book.tick(20_000 + MEETING_MS - 1)).toEqual([]);
    expect(granted(book.tick(20_000 + MEETING_MS))).toEqual({ b: [8] });
  });

  it('gives a unit back to its fetcher at once, which has lost it, or lacks another part of it now', () => {
    for (const againMs of [1100, 11_000]) {
      const book = new LeaseBook();
      book.want('a', want([8, 9]), 1, 0);
      book.want('a', want([9]), 0, 1000);
      if (againMs > 10_000) book.tick(10_000);
      book.want('b', want([8]), 1, againMs - 1);
      expect(granted(book.want('a', want([8]), 1, againMs))).toEqual({ a: [8] });
      expect(book.want('b', want([8]), 1, againMs)).toEqual([]);
    }
  });

  it('frees what only a peer has that leaves, and not what has reached others', () => {
    const book = new LeaseBook();
    book.want('a', want([0, 1]), 2, 0);
    for (const peer of ['b', 'c']) book.want(peer, want([0, 1]), 2, 0);
    book.want('a', [], 2, 1000);
    book.want('b', want([0]), 2, 1100);
    expect(granted(book.leave('a', 1200))).toEqual({ b: [0] });
  });

  it('waits for the rest of what a peer has fetched while some of it reaches others, for twenty seconds', () => {
    const book = new LeaseBook();
    book.want('a', want([0, 1, 2]), 2, 0);
    book.want('b', want([0, 1]), 0, 0);
    book.want('c', want([1]), 1, 0);
    book.want('a', [], 2, 1000);
    book.want('b', want([1]), 0, 3000);
    expect(book.tick(3000 + SECOND_LEASE_MS)).toEqual([]);
    expect(met(book.tick(11_000))).toEqual({ c: ['a'] });
    expect(granted(book.tick(20_999))).toEqual({});
    expect(granted(book.tick(21_000))).toEqual({ c: [1] });
  });

  describe('with a unit that was fetched at 1 s and of which a peer says each 5 s that it has got it', () => {
    /** When it is granted again, if `count` peers say so in turn, each twice. */
    const grantedMs = (count: number): number => {
      const book = new LeaseBook();
      const others = Array.from({ length: count }, (_, index) => `peer ${index}`);
      book.want('a', want([0]), 1, 0);
      for (const peer of others) book.want(peer, want([0]), 0, 0);
      book.want('last', want([0]), 1, 0);
      book.want('a', [], 0, 1000);
      for (let nowMs = 1000; ; nowMs += 500) {
        if (Object.keys(granted(book.tick(nowMs))).length > 0) return nowMs;
        const peer = [...others, ...others][(nowMs - 1000) / 5000 - 1];
        if (peer === undefined) continue;
        book.want(peer, want([0]), 0, nowMs);
        book.want(peer, [], 0, nowMs);
      }
    };

    it('lets it spread for two minutes at most', () => {
      expect(grantedMs(60)).toBe(1000 + MAXIMUM_SPREAD_MS);
    });

    it('believes each of them once', () => {
      // The first one got it after five seconds: each has three times that and two seconds.
      expect(grantedMs(4)).toBe(1000 + 4 * 5000 + 17_000);
    });
  });

  it('does not believe a peer that what it has fetched reaches others', () => {
    const book = new LeaseBook();
    book.want('a', want([0, 1]), 2, 0);
    book.want('b', want([1]), 1, 0);
    book.want('a', [], 2, 1000);
    book.want('a', want([0]), 0, 5000);
    book.want('a', [], 0, 5100);
    expect(granted(book.tick(1000 + SECOND_LEASE_MS))).toEqual({ b: [1] });
  });

  it('waits twice as long once something had to be fetched again while who had it was there', () => {
    const book = new LeaseBook();
    const fetch = (peer: string, unit: number, nowMs: number) => {
      expect(granted(book.want(peer, want([unit]), 1, nowMs))).toEqual({ [peer]: [unit] });
      book.want(peer, want([99]), 0, nowMs + 1000);
    };
    fetch('a', 0, 0);
    book.want('waiting', want([0]), 1, 0);
    expect(granted(book.tick(1000 + SECOND_LEASE_MS))).toEqual({ waiting: [0] });
    book.want('waiting', want([99]), 0, 8000);
    fetch('a', 1, 10_000);
    book.want('b', want([1]), 1, 11_000);
    expect(book.tick(11_000 + SECOND_LEASE_MS)).toEqual([]);
    expect(met(book.tick(21_000))).toEqual({ b: ['a'] });
    expect(granted(book.tick(31_000))).toEqual({ b: [1] });
  });

  it('believes a peer that has got a unit from a partner as much as its holder', () => {
    const book = new LeaseBook();
    book.want('a', want([0]), 1, 0);
    book.want('b', want([0]), 1, 0);
    book.want('c', want([0]), 1, 0);
    book.want('b', [], 1, 2000);
    expect(book.tick(FIRST_LEASE_MS + 1)).toEqual([]);
    expect(granted(book.tick(2000 + FIRST_LEASE_MS + 1))).toEqual({ c: [0] });
  });

  it('believes the same peer once about a lease, and nobody after twenty seconds', () => {
    const book = new LeaseBook();
    book.want('dead', want([0]), 1, 0);
    book.want('waiting', want([0]), 1, 0);
    const say = (peer: string, nowMs: number): void => {
      book.want(peer, want([0, 9]), 0, nowMs);
      book.want(peer, want([9]), 0, nowMs);
    };
    for (let nowMs = 500; nowMs <= FIRST_LEASE_MS + 500; nowMs += 500) say('liar', nowMs);
    expect(granted(book.tick(500 + FIRST_LEASE_MS + 1))).toEqual({ waiting: [0] });

    const many = new LeaseBook();
    many.want('dead', want([0]), 1, 0);
    many.want('waiting', want([0]), 1, 0);
    const saying = (nowMs: number): void => {
      many.want(`liar ${nowMs}`, want([0]), 0, nowMs);
      many.want(`liar ${nowMs}`, [], 0, nowMs);
    };
    let nowMs = 0;
    for (; nowMs <= 30_000; nowMs += 500) {
      saying(nowMs);
      if (many.tick(nowMs).length > 0) break;
    }
    expect(nowMs).toBe(MAXIMUM_LEASE_MS);
  });

  it('lets a slow holder go on whose chunks reach everybody, until somebody misses the rest', () => {
    const book = new LeaseBook();
    book.want('slow', want([0]), 1, 0);
    book.want('b', want([0]), 1, 0);
    book.want('b', [], 1, 500);
    expect(book.tick(500 + FIRST_LEASE_MS + 1)).toEqual([]);
    expect(book.want('c', want([0]), 1, 2500)).toEqual([]);
    expect(granted(book.tick(500 + 2 * FIRST_LEASE_MS + 1))).toEqual({ c: [0] });
  });

  it('has few leases out at first, and more the quicker they are used', () => {
    const book = new LeaseBook();
    const all = Array.from({ length: 64 }, (_, unit) => unit);
    const outAtOnce = ['a', 'b', 'c', 'd'].map((peer) => granted(book.want(peer, want(all), 8, 0))[peer] ?? []);
    expect(outAtOnce).toEqual([[0, 1], [2, 3], [], []]);
    expect(granted(book.want('a', want(all.slice(2)), 8, 200))).toEqual({ a: [4, 5] });
    expect(granted(book.tick(200))).toEqual({ c: [6, 7] });
    // Two that took three seconds each: back to four in all, which b and c have.
    expect(granted(book.want('a', want(all.slice(8)), 8, 3300))).toEqual({});
  });

  it('gives a peer its part of them while others want leases, but two at least, and all when nobody else does', () => {
    const book = new LeaseBook();
    const others = ['b', 'c', 'd'];
    for (const peer of others) book.want(peer, want([63]), 0, 0);
    book.want('a', want(Array.from({ length: 32 }, (_, unit) => unit)), 8, 0);
    const rest = (first: number): WantedUnits[] => want(Array.from({ length: 32 - first }, (_, unit) => first + unit));
    expect(granted(book.want('a', rest(2), 8, 100))).toEqual({ a: [2, 3] });
    for (const peer of others) book.want(peer, [], 0, 200);
    expect(granted(book.want('a', rest(4), 8, 300))).toEqual({ a: [4, 5, 6, 7, 8, 9, 10, 11] });
  });

  it('gives one network its part while others want leases, and all when nobody else does', () => {
    const office = new LeaseBook();
    const all = Array.from({ length: 64 }, (_, unit) => unit);
    const held = (book: LeaseBook, network: string, peers: number): number => {
      let count = 0;
      for (let index = 0; index < peers; index += 1) {
        const grants = book.want(`${network} ${index}`, want(all), 2, 0, network);
        count += grants.reduce((sum, { leases }) => sum + leases.length, 0);
      }
      return count;
    };
    expect(held(office, 'office', 500)).toBe(4);
    const shared = new LeaseBook();
    shared.want('home 0', want(all), 0, 0, 'home');
    expect(held(shared, 'office', 500)).toBe(2);
    expect(granted(shared.want('home 0', want(all), 2, 0, 'home'))).toEqual({ 'home 0': [2, 3] });
  });

  it('gives a network of hoarders less each time, whoever of them asks', () => {
    const book = new LeaseBook();
    const all = Array.from({ length: 64 }, (_, unit) => unit);
    for (let index = 0; index < 50; index += 1) book.want(`bad ${index}`, want(all), 32, 0, 'bad');
    book.want('good', want(all), 4, 0, 'good');
    const [grant, ...others] = book.tick(FIRST_LEASE_MS + 1);
    expect(grant?.to).toBe('good');
    expect(others.map(({ to, leases }) => [to.slice(0, 3), leases.length])).toEqual([['bad', 1]]);
  });

  it('gives the unit of a silent holder to another', () => {
    const book = new LeaseBook();
    book.want('a', want([0]), 1, 0);
    book.want('b', want([0]), 1, 0);
    expect(granted(book.tick(FIRST_LEASE_MS + 1))).toEqual({ b: [0] });
  });

  it('gives a hoarder less each time that it lets its leases run out', () => {
    const book = new LeaseBook();
    expect(granted(book.want('hoarder', want([0, 1, 2, 3]), 4, 0))).toEqual({ hoarder: [0, 1] });
    book.want('b', want([8]), 2, FIRST_LEASE_MS);
    expect(granted(book.tick(FIRST_LEASE_MS + 1))).toEqual({ hoarder: [0] });
    book.want('c', want([9]), 1, 2 * FIRST_LEASE_MS);
    expect(granted(book.tick(2 * FIRST_LEASE_MS + 2))).toEqual({ b: [8] });
    // The second time it had twice as long, as none was used yet.
    expect(granted(book.want('c', want([0, 1]), 4, 3 * FIRST_LEASE_MS + 2))).toEqual({ c: [0, 1] });
  });

  it('gives a peer twice as many leases as it has used, and two before that', () => {
    const book = new LeaseBook();
    expect(granted(book.want('a', want([0, 1, 2, 3, 4, 5, 6]), 32, 0))).toEqual({ a: [0, 1] });
    expect(granted(book.want('a', want([2, 3, 4, 5, 6]), 32, 100))).toEqual({ a: [2, 3, 4, 5] });
  });

  it('takes leases that ran out together for one failure', () => {
    const book = new LeaseBook();
    book.want('b', want([9]), 0, 0);
    book.want('a', want([0, 1, 2, 3, 4, 5]), 4, 0);
    expect(granted(book.want('a', want([2, 3, 4, 5]), 4, 100))).toEqual({ a: [2, 3, 4] });
    // Of three at once two may follow, and one after those.
    expect(granted(book.tick(100 + SECOND_LEASE_MS))).toEqual({ a: [2, 3] });
    expect(granted(book.tick(100 + 2 * SECOND_LEASE_MS))).toEqual({ a: [2] });
  });

  it('goes on with one lease at a time where everybody has let leases run out, until one is used', () => {
    const book = new LeaseBook();
    const all = Array.from({ length: 8 }, (_, index) => index);
    for (const peer of ['a', 'b']) book.want(peer, want(all), 4, 0);
    let nowMs = 0;
    for (let round = 0; round < 5; round += 1) {
      nowMs += MAXIMUM_LEASE_MS + 1;
      book.tick(nowMs);
    }
    nowMs += MAXIMUM_LEASE_MS + 1;
    const [grant, ...others] = book.tick(nowMs);
    expect(grant?.leases).toHaveLength(1);
    expect(others).toEqual([]);
    const left = all.filter((unit) => unit !== grant?.leases[0]?.unit);
    expect(book.want(grant?.to ?? '', want(left), 4, nowMs + 500)[0]?.leases.length).toBeGreaterThan(1);
  });

  it('grants what has run out to those first who never let a lease run out', () => {
    const book = new LeaseBook();
    book.want('a', want([0, 1, 2, 3]), 2, 0);
    book.want('b', want([0, 1]), 2, 0);
    expect(granted(book.tick(FIRST_LEASE_MS + 1))).toMatchObject({ b: [0, 1] });
  });

  it('frees the leases of a peer that leaves at once', () => {
    const book = new LeaseBook();
    book.want('a', want([0, 1]), 2, 0);
    book.want('b', want([0, 1]), 2, 0);
    expect(granted(book.leave('a', 50))).toEqual({ b: [0, 1] });
  });

  it('waits for a silent holder no longer than three times what leases usually take, and two seconds', () => {
    const book = new LeaseBook();
    book.want('a', want([0, 1]), 1, 0);
    book.want('a', want([1]), 1, 200);
    book.want('b', want([1]), 1, 200);
    // The first one that is used says little: a crowd may follow.
    expect(book.tick(200 + SECOND_LEASE_MS - 1)).toEqual([]);
    expect(granted(book.tick(200 + SECOND_LEASE_MS))).toEqual({ b: [1] });
  });

  it('keeps nothing of peers that want nothing', () => {
    const book = new LeaseBook();
    book.want('a', want([0]), 1, 0);
    expect(book.isOpen).toBe(true);
    book.want('a', [], 1, 100);
    expect(book.isOpen).toBe(false);
    expect(book.leave('a', 200)).toEqual([]);
  });
});
