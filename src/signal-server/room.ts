import type { PeerId } from '../protocol/identifier.ts';
import type { PeerSignal, Reach, ServerSignalMessage } from '../protocol/signal-message.ts';
import { Bag } from './bag.ts';

/** One message that the adapter has to send. */
export interface Delivery {
  readonly to: PeerId;
  readonly message: ServerSignalMessage;
}

export interface RoomOptions {
  /** Peers that may be in the room at once. */
  readonly maximumPeers: number;
  /** Partners that one peer may have at once. */
  readonly maximumPartners: number;
  /** Partners that one `match` may bring. */
  readonly partnersPerMatch: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

interface Member {
  readonly id: PeerId;
  /** Says which members are behind one network exit, and nothing else. */
  readonly site: string;
  readonly reach: Reach;
  /** Says which sites lie in one block of addresses; empty: unknown. */
  readonly prefix: string;
  /** Always there, and giving, as far as it says. */
  readonly isSeed: boolean;
  /** Made at the first match: in a room of thousands most memory is in such small sets. */
  partners: Set<Member> | undefined;
  /** The latest partners with whom the connection ended or never came about, oldest first. */
  dissolved: PeerId[] | undefined;
}

/**
 * Candidates looked at per partner wanted: the least loaded of two random ones (the "power of two choices") is little more
 * loaded than the least loaded of all. Not of more: then whoever came just before is chosen, the room becomes a chain in
 * which chunks travel slowly, and those who take no partners are everybody's first choice.
 */
const CANDIDATES_PER_PARTNER = 2;
/** In a room of so few all are looked at. */
const LEAST_CANDIDATES = 6;

/**
 * Who has its share of partners is given only such as have half as many: seeds that nobody needs any more (they told by
 * `unmatch`). In the middle of a crowd there are none, and nobody connects beyond its share.
 */
const SPARE_FACTOR = 2;

/**
 * Who asks in a room of few is given half of the others, and so many at least. With each partner come the news of every
 * chunk, and where all know almost all, the same chunk from two: twelve browsers that start at once waste a third.
 */
const SMALL_ROOM_PARTNERS = 5;

/**
 * Dissolved pairs that a peer remembers. A peer that cannot be reached has few partners and would otherwise be
 * everybody's first choice again and again.
 */
const REMEMBERED_DISSOLUTIONS = 8;

/** Above any number of partners: a seed of the site comes first. Below DISSOLVED_RANK: not one that was tried in vain. */
const SEED_LEAD = 1_000;
/** Above any number of partners: a member of another site comes after all of the own. */
const OTHER_SITE_RANK = 1_000;
/**
 * Partners of other sites that a peer has of one block of addresses, unless there are no others: a third of the six that a
 * browser asks for, so that nobody surrounds it from one rented network.
 */
const PARTNERS_PER_PREFIX = 2;
/** Above the other sites: one more of a block. */
const SAME_PREFIX_RANK = 10_000;
/** Above that: a dissolved pair is matched again only where there is nobody else. */
const DISSOLVED_RANK = 1_000_000;

/**
 * The peers of one swarm, and who was introduced to whom. Takes what a client said, returns what to send; knows nothing
 * of sockets or time.
 */
export class Room {
  readonly #options: RoomOptions;
  readonly #members = new Map<PeerId, Member>();
  /** Members that may get one more partner: by site, and those of all sites that go beyond theirs. */
  readonly #openBySite = new Map<string, Bag<Member>>();
  readonly #openToAll = new Bag<Member>();
  /** Of those by site, the seeds. */
  readonly #openSeeds = new Map<string, Bag<Member>>();

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#members.size;
  }

  /**
   * @param site A token that peers behind one network exit share.
   * @param reach `site`: it meets only those of its site. A pair of different sites needs `any` on both sides.
   * @param prefix A token that sites in one block of addresses share.
   * @param isSeed It says that it is always there. Others of its site get one such partner first.
   * @returns false when the room is full.
   */
  join(peer: PeerId, site = '', reach: Reach = 'any', prefix = '', isSeed = false): boolean {
    if (this.#members.size >= this.#options.maximumPeers) return false;
    const member: Member = { id: peer, site, reach, prefix, isSeed, partners: undefined, dissolved: undefined };
    this.#members.set(peer, member);
    this.#updateOpen(member);
    return true;
  }

  /**
   * Introduces `peer` to up to `count` more peers; it is the initiator of each pair.
   *
   * @param partners How many it says it has: more than are known here, where matches were dissolved and the connections
   * have stayed.
   */
  match(peer: PeerId, count: number, partners = 0): Delivery[] {
    const asker = this.#members.get(peer);
    if (asker === undefined) return [];
    const own = Math.max(partners, partnerCount(asker));
    const wanted = Math.min(count, this.#mostPartners() - own, this.#options.partnersPerMatch);
    const deliveries: Delivery[] = [];
    for (const partner of this.#choose(asker, own, wanted)) deliveries.push(...this.#link(asker, partner));
    return deliveries;
  }

  /** Introduces `peer` to this one, as far as they may meet and both have a place left; it is the initiator. */
  introduce(peer: PeerId, other: PeerId): Delivery[] {
    const one = this.#members.get(peer);
    const two = this.#members.get(other);
    if (one === undefined || two === undefined || !this.#mayMeet(one, two)) return [];
    return this.#link(one, two);
  }

  /** Relays between partners only; to anybody else, also to one that has just left, nothing is sent. */
  signal(from: PeerId, to: PeerId, signal: PeerSignal): Delivery[] {
    const recipient = this.#members.get(to);
    const sender = this.#members.get(from);
    if (sender === undefined || recipient === undefined || !sender.partners?.has(recipient)) return [];
    return [{ to, message: { type: 'signal', from, signal } }];
  }

  unmatch(peer: PeerId, other: PeerId): Delivery[] {
    const one = this.#members.get(peer);
    const two = this.#members.get(other);
    if (one === undefined || two === undefined || !one.partners?.has(two)) return [];
    this.#unlink(one, two);
    remember(one, two);
    remember(two, one);
    return [{ to: other, message: { type: 'gone', peer } }];
  }

  leave(peer: PeerId): Delivery[] {
    const member = this.#members.get(peer);
    if (member === undefined) return [];
    const deliveries: Delivery[] = [];
    for (const partner of [...(member.partners ?? [])]) {
      this.#unlink(member, partner);
      deliveries.push({ to: partner.id, message: { type: 'gone', peer } });
    }
    this.#members.delete(peer);
    this.#close(member);
    return deliveries;
  }

  /** Of one that asks; who is asked for takes more. */
  #mostPartners(): number {
    const ofFew = Math.max(SMALL_ROOM_PARTNERS, Math.floor((this.size - 1) / 2));
    return Math.min(ofFew, this.#options.maximumPartners);
  }

  /**
   * Up to `wanted` members of a random sample: of the same site first, then those with the fewest partners.
   *
   * @param own How many partners the asker has.
   */
  #choose(asker: Member, own: number, wanted: number): Member[] {
    if (wanted <= 0) return [];
    const { random, partnersPerMatch } = this.#options;
    const most = own < partnersPerMatch ? Number.POSITIVE_INFINITY : own / SPARE_FACTOR;
    const unfit = (member: Member) =>
      member === asker || asker.partners?.has(member) === true || partnerCount(member) >= most;
    const count = Math.max(LEAST_CANDIDATES, wanted * CANDIDATES_PER_PARTNER + partnerCount(asker) + 1);
    const seed = this.#seedFor(asker);
    const near = this.#openBySite.get(asker.site)?.sample(count, random) ?? [];
    // When few of the own site are left, few of them can be in this sample.
    const all = asker.reach === 'any' ? this.#openToAll.sample(count + near.length, random) : [];
    const candidates = [...new Set(seed ? [seed, ...near] : near), ...all.filter(({ site }) => site !== asker.site)]
      .filter((member) => !unfit(member))
      .map((member) => ({ member, rank: this.#rank(asker, member) - (member === seed ? SEED_LEAD : 0) }))
      .sort((a, b) => a.rank - b.rank);
    return takeVaried(asker, candidates, wanted);
  }

  /** A seed of its site, for who has none: whoever says it of itself alone surrounds nobody. */
  #seedFor({ site, isSeed, partners }: Member): Member | undefined {
    if (isSeed) return undefined;
    for (const partner of partners ?? []) if (partner.isSeed && partner.site === site) return undefined;
    return this.#openSeeds.get(site)?.sample(1, this.#options.random)[0];
  }

  #rank(asker: Member, candidate: Member): number {
    const tried = asker.dissolved?.includes(candidate.id) === true;
    const far = candidate.site !== asker.site;
    return (
      (tried ? DISSOLVED_RANK : 0) + (far ? OTHER_SITE_RANK : 0) + partnerCount(candidate) + this.#options.random()
    );
  }

  #mayMeet(one: Member, two: Member): boolean {
    if (one === two || one.partners?.has(two) === true || one.dissolved?.includes(two.id) === true) return false;
    if (Math.max(partnerCount(one), partnerCount(two)) >= this.#options.maximumPartners) return false;
    if (one.site === two.site) return true;
    const isCrowded = one.prefix !== '' && Math.max(ofPrefix(one, two), ofPrefix(two, one)) >= PARTNERS_PER_PREFIX;
    return one.reach === 'any' && two.reach === 'any' && !isCrowded;
  }

  #link(initiator: Member, partner: Member): Delivery[] {
    link(initiator, partner);
    link(partner, initiator);
    this.#updateOpen(initiator);
    this.#updateOpen(partner);
    return [
      { to: partner.id, message: { type: 'partner', peer: initiator.id, initiator: false } },
      { to: initiator.id, message: { type: 'partner', peer: partner.id, initiator: true } },
    ];
  }

  #unlink(one: Member, two: Member): void {
    one.partners?.delete(two);
    two.partners?.delete(one);
    this.#updateOpen(one);
    this.#updateOpen(two);
  }

  #updateOpen(member: Member): void {
    if (partnerCount(member) >= this.#options.maximumPartners) {
      this.#close(member);
      return;
    }
    addTo(this.#openBySite, member);
    if (member.isSeed) addTo(this.#openSeeds, member);
    if (member.reach === 'any') this.#openToAll.add(member);
  }

  #close(member: Member): void {
    removeFrom(this.#openBySite, member);
    removeFrom(this.#openSeeds, member);
    this.#openToAll.remove(member);
  }
}

function addTo(bySite: Map<string, Bag<Member>>, member: Member): void {
  const site = bySite.get(member.site) ?? new Bag();
  bySite.set(member.site, site);
  site.add(member);
}

function removeFrom(bySite: Map<string, Bag<Member>>, member: Member): void {
  const site = bySite.get(member.site);
  site?.remove(member);
  if (site?.size === 0) bySite.delete(member.site);
}

/** The first `wanted` of the ranked candidates; those of a block that has its part already come after all others. */
function takeVaried(
  asker: Member,
  ranked: readonly { readonly member: Member; readonly rank: number }[],
  wanted: number,
): Member[] {
  const counts = new Map<string, number>();
  for (const { site, prefix } of asker.partners ?? []) {
    if (site !== asker.site) counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
  }
  return ranked
    .map(({ member, rank }) => {
      if (member.prefix === '' || member.site === asker.site) return { member, rank };
      const before = counts.get(member.prefix) ?? 0;
      counts.set(member.prefix, before + 1);
      const isCrowded = before >= PARTNERS_PER_PREFIX || ofPrefix(member, asker) >= PARTNERS_PER_PREFIX;
      return { member, rank: rank + (isCrowded ? SAME_PREFIX_RANK : 0) };
    })
    .sort((a, b) => a.rank - b.rank)
    .slice(0, wanted)
    .map(({ member }) => member);
}

/** Partners of `member` that are of other sites and of the same block as `other`: it is surrounded by who asks, too. */
function ofPrefix(member: Member, { prefix }: Member): number {
  let count = 0;
  for (const partner of member.partners ?? []) {
    if (partner.prefix === prefix && partner.site !== member.site) count += 1;
  }
  return count;
}

function partnerCount(member: Member): number {
  return member.partners?.size ?? 0;
}

function link(member: Member, partner: Member): void {
  member.partners ??= new Set();
  member.partners.add(partner);
}

function remember(member: Member, partner: Member): void {
  member.dissolved ??= [];
  member.dissolved.push(partner.id);
  if (member.dissolved.length > REMEMBERED_DISSOLUTIONS) member.dissolved.shift();
}
