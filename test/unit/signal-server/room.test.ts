import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PeerSignal } from '../../../src/protocol/signal-message.ts';
import { type Delivery, Room, type RoomOptions } from '../../../src/signal-server/room.ts';

const OFFER: PeerSignal = { type: 'offer', sdp: 'v=0' };

/** A small linear congruential generator (Numerical Recipes): the same seed gives the same room. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function makeRoom(options: Partial<RoomOptions> = {}): Room {
  return new Room({ maximumPeers: 100, maximumPartners: 20, partnersPerMatch: 6, random: seededRandom(1), ...options });
}

function fill(room: Room, count: number): string[] {
  const ids = Array.from({ length: count }, (_, index) => `peer-${index}`);
  for (const id of ids) expect(room.join(id)).toBe(true);
  return ids;
}

function partnersIn(deliveries: readonly Delivery[], to: string): string[] {
  return deliveries.flatMap((delivery) =>
    delivery.to === to && delivery.message.type === 'partner' ? [delivery.message.peer] : [],
  );
}

describe('a room', () => {
  it('introduces nobody to a peer that is alone', () => {
    const room = makeRoom();
    fill(room, 1);
    expect(room.match('peer-0', 6)).toEqual([]);
  });

  it('introduces two by name, once, if both may and have a place left', () => {
    const room = makeRoom({ maximumPartners: 2 });
    const [a = '', b = '', c = '', d = ''] = fill(room, 4);
    expect(room.introduce(a, b)).toEqual([
      { to: b, message: { type: 'partner', peer: a, initiator: false } },
      { to: a, message: { type: 'partner', peer: b, initiator: true } },
    ]);
    expect(room.introduce(b, a)).toEqual([]);
    expect(room.introduce(a, a)).toEqual([]);
    expect(room.introduce(a, 'gone')).toEqual([]);
    expect(partnersIn(room.introduce(a, c), a)).toEqual([c]);
    expect(room.introduce(d, a)).toEqual([]);
    room.unmatch(a, b);
    expect(room.introduce(a, b)).toEqual([]);
    expect(partnersIn(room.introduce(d, a), d)).toEqual([a]);
  });

  it('introduces by name nobody of another site who keeps to its own, nor a third of one block', () => {
    const room = makeRoom();
    room.join('here', 'here', 'any', 'mine');
    room.join('shut', 'there', 'site', 'theirs');
    expect(room.introduce('here', 'shut')).toEqual([]);
    for (const name of ['x', 'y', 'z']) room.join(name, name, 'any', 'theirs');
    expect(['x', 'y', 'z'].map((name) => room.introduce('here', name).length)).toEqual([2, 2, 0]);
  });

  it('surrounds nobody with one block of addresses while there are others, whoever asks', () => {
    const room = makeRoom();
    // Busy, while attackers take nobody else and would be the first choice.
    for (let index = 0; index < 8; index += 1) room.join(`honest-${index}`, `site-${index}`, 'any', `block-${index}`);
    for (let index = 0; index < 8; index += 1) room.match(`honest-${index}`, 3);
    room.join('victim', 'home', 'any', 'block of the victim');
    for (let index = 0; index < 6; index += 1) room.join(`attacker-${index}`, `rented-${index}`, 'any', 'rented');
    const met = new Set(partnersIn(room.match('victim', 6), 'victim'));
    for (let index = 0; index < 6; index += 1) {
      for (const peer of partnersIn(room.match(`attacker-${index}`, 1), 'victim')) met.add(peer);
    }
    expect([...met].filter((peer) => peer.startsWith('attacker')).length).toBeLessThanOrEqual(2);

    const alone = makeRoom();
    alone.join('victim', 'home', 'any', 'block of the victim');
    for (let index = 0; index < 6; index += 1) alone.join(`only-${index}`, `rented-${index}`, 'any', 'rented');
    expect(partnersIn(alone.match('victim', 6), 'victim')).toHaveLength(5);
  });

  it('gives each peer one seed of its site first, until that has all the partners that it may have', () => {
    const room = makeRoom({ maximumPartners: 8 });
    for (let index = 0; index < 40; index += 1) room.join(`peer-${index}`, 'office');
    for (const seed of ['seed-1', 'seed-2']) room.join(seed, 'office', 'any', '', true);
    room.join('seed of others', 'elsewhere', 'any', '', true);
    const seedsOf = (peer: string) =>
      partnersIn(room.match(peer, 2), peer).filter((partner) => partner.startsWith('seed'));
    for (let index = 0; index < 16; index += 1) expect(seedsOf(`peer-${index}`)).toHaveLength(1);
    expect(seedsOf('peer-16')).toEqual([]);
    // Nobody is given the second one because it has the first.
    room.leave('peer-0');
    expect(seedsOf('peer-1')).toEqual([]);
    expect(seedsOf('peer-16')).toHaveLength(1);
  });

  it('names a seed that was tried in vain no more than anybody else', () => {
    const room = makeRoom();
    fill(room, 4);
    room.join('seed', '', 'any', '', true);
    expect(partnersIn(room.match('peer-0', 1), 'peer-0')).toEqual(['seed']);
    room.unmatch('peer-0', 'seed');
    expect(partnersIn(room.match('peer-0', 3), 'peer-0')).not.toContain('seed');
  });

  it('makes the peer that asked the initiator, and the other one not', () => {
    const room = makeRoom();
    fill(room, 2);
    expect(room.match('peer-1', 6)).toEqual([
      { to: 'peer-0', message: { type: 'partner', peer: 'peer-1', initiator: false } },
      { to: 'peer-1', message: { type: 'partner', peer: 'peer-0', initiator: true } },
    ]);
  });

  it('introduces a pair once, whoever asks again', () => {
    const room = makeRoom();
    fill(room, 2);
    room.match('peer-1', 6);
    expect([...room.match('peer-1', 6), ...room.match('peer-0', 6)]).toEqual([]);
  });

  it('gives no more partners than were asked for, than one match may bring, or than a peer may have', () => {
    const room = makeRoom({ maximumPartners: 8 });
    const [first = ''] = fill(room, 30);
    expect(partnersIn(room.match(first, 2), first)).toHaveLength(2);
    expect(partnersIn(room.match(first, 64), first)).toHaveLength(6);
    expect(partnersIn(room.match(first, 64), first)).toHaveLength(0);
    expect(room.match(first, 0)).toEqual([]);
  });

  it.each([
    { others: 3, most: 3 },
    { others: 7, most: 5 },
    { others: 11, most: 5 },
    { others: 20, most: 8 },
  ])('of $others others gives who asks $most: half of them, or five', ({ others, most }) => {
    const room = makeRoom({ maximumPartners: 8, partnersPerMatch: 8 });
    const [first = ''] = fill(room, others + 1);
    expect(partnersIn(room.match(first, 8), first)).toHaveLength(most);
    expect(room.match(first, 8)).toEqual([]);
  });

  it('counts the connections that who asks says it has kept of dissolved matches', () => {
    const room = makeRoom();
    const [first = ''] = fill(room, 12);
    for (const other of partnersIn(room.match(first, 6), first)) room.unmatch(first, other);
    expect(room.match(first, 6, 5)).toEqual([]);
    expect(partnersIn(room.match(first, 6, 4), first)).toHaveLength(1);
  });

  it('takes them for partners, too, where it looks for such as have less than half as many', () => {
    const room = makeRoom();
    for (const id of fill(room, 40)) room.match(id, 3);
    room.join('asker');
    expect(room.match('asker', 1, 6)).toEqual([]);
    expect(partnersIn(room.match('asker', 1), 'asker')).toHaveLength(1);
  });

  it('finds partners for who comes to few that have their five', () => {
    const room = makeRoom();
    for (const id of fill(room, 7)) room.match(id, 5);
    room.join('newcomer');
    expect(partnersIn(room.match('newcomer', 6), 'newcomer')).toHaveLength(5);
  });

  it('prefers the peers with the fewest partners', () => {
    const room = makeRoom();
    fill(room, 4);
    room.match('peer-0', 1);
    const taken = room.match('peer-0', 1);
    expect(taken).toHaveLength(2);
    // Three others: two have a partner now, so the one without must be the next choice of a newcomer.
    room.join('newcomer');
    const lonely = ['peer-1', 'peer-2', 'peer-3'].filter((id) => room.signal('peer-0', id, OFFER).length === 0);
    expect(partnersIn(room.match('newcomer', 1), 'newcomer')).toEqual(lonely);
  });

  it('gives who has its share of partners only those that have less than half as many', () => {
    const room = makeRoom();
    const [asker = '', ...others] = fill(room, 13);
    expect(partnersIn(room.match(asker, 6), asker)).toHaveLength(6);
    for (const other of others) room.match(other, 3);
    room.join('busy');
    expect(partnersIn(room.match('busy', 4), 'busy')).not.toContain(asker);
    expect(room.match(asker, 1)).toEqual([]);
    room.join('free');
    expect(partnersIn(room.match(asker, 1), asker)).toEqual(['free']);
  });

  it('does not choose one that takes no partners for everybody', () => {
    const room = makeRoom({ maximumPeers: 200 });
    for (const id of fill(room, 60)) room.match(id, 6);
    room.join('refuser');
    let chosen = 0;
    for (let index = 0; index < 60; index += 1) {
      const id = `newcomer-${index}`;
      room.join(id);
      if (!partnersIn(room.match(id, 6), id).includes('refuser')) continue;
      chosen += 1;
      room.unmatch('refuser', id);
    }
    // By chance alone 6 of some 90 others: one in fifteen. With four candidates a partner it was one in three.
    expect(chosen).toBeLessThanOrEqual(13);
  });

  it('takes a pair that was dissolved only where there is nobody else', () => {
    const room = makeRoom();
    fill(room, 2);
    room.match('peer-1', 1);
    expect(room.unmatch('peer-1', 'peer-0')).toEqual([{ to: 'peer-0', message: { type: 'gone', peer: 'peer-1' } }]);
    expect(partnersIn(room.match('peer-1', 1), 'peer-1')).toEqual(['peer-0']);
    room.unmatch('peer-0', 'peer-1');
    room.join('other');
    room.join('another');
    room.match('another', 1);
    expect(partnersIn(room.match('peer-1', 1), 'peer-1')).not.toContain('peer-0');
  });

  it('introduces peers of the same site first, then those of others', () => {
    const room = makeRoom();
    fill(room, 20);
    for (const id of ['near-0', 'near-1', 'near-2']) room.join(id, 'office', 'any');
    room.join('asker', 'office', 'any');
    const partners = partnersIn(room.match('asker', 5), 'asker');
    expect(partners.slice(0, 3).sort()).toEqual(['near-0', 'near-1', 'near-2']);
    expect(partners.slice(3).every((id) => id.startsWith('peer-'))).toBe(true);
    expect(partners).toHaveLength(5);
  });

  it('takes a stranger rather than a peer of the same site with whom it did not work', () => {
    const room = makeRoom();
    room.join('near', 'office', 'any');
    room.join('far', 'home', 'any');
    room.join('asker', 'office', 'any');
    expect(partnersIn(room.match('asker', 1), 'asker')).toEqual(['near']);
    room.unmatch('asker', 'near');
    expect(partnersIn(room.match('asker', 1), 'asker')).toEqual(['far']);
    expect(partnersIn(room.match('asker', 1), 'asker')).toEqual(['near']);
  });

  it('introduces who stays in its site to nobody else, whoever asks', () => {
    const room = makeRoom({ maximumPeers: 2000, partnersPerMatch: 20 });
    for (let index = 0; index < 1000; index += 1) room.join(`far-${index}`, `home-${index}`, 'any');
    room.join('stays', 'office', 'site');
    room.join('near', 'office', 'any');
    room.join('elsewhere', 'school', 'site');
    expect(partnersIn(room.match('stays', 20), 'stays')).toEqual(['near']);
    expect(partnersIn(room.match('elsewhere', 20), 'elsewhere')).toEqual([]);
    for (let index = 0; index < 1000; index += 1) {
      const id = `far-${index}`;
      const partners = partnersIn(room.match(id, 20), id);
      expect(partners).not.toContain('stays');
      expect(partners).not.toContain('elsewhere');
    }
    expect(room.leave('stays')).toEqual([{ to: 'near', message: { type: 'gone', peer: 'stays' } }]);
  });

  it('relays between partners only, and to nobody else', () => {
    const room = makeRoom();
    fill(room, 3);
    room.match('peer-1', 1);
    const [partner = ''] = ['peer-0', 'peer-2'].filter((id) => room.signal('peer-1', id, OFFER).length > 0);
    const stranger = partner === 'peer-0' ? 'peer-2' : 'peer-0';
    expect(room.signal(partner, 'peer-1', OFFER)).toEqual([
      { to: 'peer-1', message: { type: 'signal', from: partner, signal: OFFER } },
    ]);
    expect(room.signal(stranger, 'peer-1', OFFER)).toEqual([]);
    expect(room.signal('peer-1', 'peer-1', OFFER)).toEqual([]);
    expect(room.signal('peer-1', 'nobody', OFFER)).toEqual([]);
    expect(room.signal('nobody', 'peer-1', OFFER)).toEqual([]);
    expect(room.unmatch(stranger, 'peer-1')).toEqual([]);
  });

  it('tells all partners of a peer that leaves, and no longer relays for it', () => {
    const room = makeRoom();
    const ids = fill(room, 5);
    room.match('peer-0', 6);
    const gone = room.leave('peer-0');
    expect(gone.map(({ to }) => to).sort()).toEqual(ids.slice(1));
    expect(gone.every(({ message }) => message.type === 'gone' && message.peer === 'peer-0')).toBe(true);
    expect(room.size).toBe(4);
    expect(room.leave('peer-0')).toEqual([]);
    expect(room.signal('peer-1', 'peer-0', OFFER)).toEqual([]);
  });

  it('refuses a peer that is one too many, and takes it when another has left', () => {
    const room = makeRoom({ maximumPeers: 2 });
    fill(room, 2);
    expect(room.join('third')).toBe(false);
    room.leave('peer-0');
    expect(room.join('third')).toBe(true);
  });

  it('connects a crowd of newcomers into one swarm in which nobody has too many partners', () => {
    const room = makeRoom({ maximumPeers: 2000 });
    const neighbours = new Map<string, string[]>();
    for (let index = 0; index < 2000; index += 1) {
      const id = `peer-${index}`;
      room.join(id);
      neighbours.set(id, []);
      for (const partner of partnersIn(room.match(id, 6), id)) {
        neighbours.get(id)?.push(partner);
        neighbours.get(partner)?.push(id);
      }
    }
    const degrees = [...neighbours.values()].map((partners) => partners.length);
    expect(Math.max(...degrees)).toBeLessThanOrEqual(20);
    expect(Math.min(...degrees.slice(6))).toBeGreaterThanOrEqual(6);
    const reached = new Set(['peer-0']);
    for (const id of reached) for (const partner of neighbours.get(id) ?? []) reached.add(partner);
    expect(reached.size).toBe(2000);
  });

  it('keeps its promises in any order of events', () => {
    const event = fc.record({
      kind: fc.constantFrom('join', 'match', 'signal', 'unmatch', 'leave'),
      one: fc.integer({ min: 0, max: 11 }),
      two: fc.integer({ min: 0, max: 11 }),
      count: fc.integer({ min: 0, max: 9 }),
      site: fc.constantFrom('a', 'b'),
      reach: fc.constantFrom('site' as const, 'any' as const),
    });
    fc.assert(
      fc.property(fc.integer(), fc.array(event, { maxLength: 200 }), (seed, events) => {
        const room = makeRoom({ maximumPartners: 3, maximumPeers: 10, random: seededRandom(seed) });
        const model = new Map<string, Set<string>>();
        const places = new Map<string, { site: string; reach: 'site' | 'any' }>();
        for (const { kind, one, two, count, site, reach } of events) {
          const [a, b] = [`p${one}`, `p${two}`];
          if (kind === 'join') {
            if (model.has(a) || !room.join(a, site, reach)) continue;
            model.set(a, new Set());
            places.set(a, { site, reach });
          } else if (kind === 'match') {
            for (const partner of partnersIn(room.match(a, count), a)) {
              expect(partner).not.toBe(a);
              expect(model.get(a)?.has(partner)).toBe(false);
              const pair = [places.get(a), places.get(partner)];
              expect(pair[0]?.site === pair[1]?.site || pair.every((place) => place?.reach === 'any')).toBe(true);
              model.get(a)?.add(partner);
              model.get(partner)?.add(a);
            }
          } else if (kind === 'signal') {
            expect(room.signal(a, b, OFFER)).toHaveLength(model.get(a)?.has(b) === true ? 1 : 0);
          } else if (kind === 'unmatch') {
            expect(room.unmatch(a, b)).toHaveLength(model.get(a)?.has(b) === true ? 1 : 0);
            model.get(a)?.delete(b);
            model.get(b)?.delete(a);
          } else {
            const told = room.leave(a).map(({ to }) => to);
            expect(told.sort()).toEqual([...(model.get(a) ?? [])].sort());
            for (const partner of told) model.get(partner)?.delete(a);
            model.delete(a);
          }
          expect(room.size).toBe(model.size);
          for (const partners of model.values()) expect(partners.size).toBeLessThanOrEqual(3);
        }
      }),
    );
  });
});
