import { describe, expect, it } from 'vitest';
import { writeUnits } from '../../../src/protocol/lease-units.ts';
import { type Grant, LeaseBook } from '../../../src/signal-server/lease-book.ts';

const PACK = 'a'.repeat(64);
const FIRST_LEASE_MS = 1500;

function want(units: readonly number[], pack = PACK): { pack: string; units: string }[] {
  return units.length === 0 ? [] : [{ pack, units: writeUnits(units) }];
}

/** Peer → units granted, in one pack. */
function granted(grants: readonly Grant[]): Record<string, number[]> {
  return Object.fromEntries(grants.map(({ to, leases }) => [to, leases.map(({ unit }) => unit)]));
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
    expect(book.tick(4900)).toEqual([]);
    expect(granted(book.tick(5100))).toEqual({ b: [0] });
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
    expect(granted(book.want('c', want([0, 1]), 4, 2 * FIRST_LEASE_MS + 3))).toEqual({ c: [0, 1] });
  });

  it('gives a peer twice as many leases as it has used, and two before that', () => {
    const book = new LeaseBook();
    expect(granted(book.want('a', want([0, 1, 2, 3, 4, 5, 6]), 32, 0))).toEqual({ a: [0, 1] });
    expect(granted(book.want('a', want([2, 3, 4, 5, 6]), 32, 100))).toEqual({ a: [2, 3, 4, 5] });
  });

  it('takes leases that ran out together for one failure', () => {
    const book = new LeaseBook();
    book.want('a', want([0, 1, 2, 3, 4, 5]), 4, 0);
    expect(granted(book.want('a', want([2, 3, 4, 5]), 4, 100))).toEqual({ a: [2, 3, 4, 5] });
    // Of four at once two may follow, and one after those.
    expect(granted(book.tick(1000 + 1500))).toEqual({ a: [2, 3] });
    expect(granted(book.tick(5000 + 1500))).toEqual({ a: [2] });
  });

  it('goes on with one lease at a time where everybody has let leases run out, until one is used', () => {
    const book = new LeaseBook();
    const all = Array.from({ length: 8 }, (_, index) => index);
    for (const peer of ['a', 'b']) book.want(peer, want(all), 4, 0);
    let nowMs = 0;
    for (let round = 0; round < 5; round += 1) {
      nowMs += FIRST_LEASE_MS + 1;
      book.tick(nowMs);
    }
    nowMs += FIRST_LEASE_MS + 1;
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

  it('waits for a silent holder no longer than three times what leases usually take, and a second', () => {
    const book = new LeaseBook();
    book.want('a', want([0, 1]), 1, 0);
    book.want('a', want([1]), 1, 200);
    book.want('b', want([1]), 1, 200);
    expect(book.tick(200 + 1599)).toEqual([]);
    expect(granted(book.tick(200 + 1601))).toEqual({ b: [1] });
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
