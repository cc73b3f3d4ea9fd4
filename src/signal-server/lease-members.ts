import type { PackId, PeerId } from '../protocol/identifier.ts';

/** Units of packs. */
export type WantedUnitSets = ReadonlyMap<PackId, ReadonlySet<number>>;

/** Members behind one network exit. */
interface Network {
  members: number;
  /** Members that want something. */
  wanting: number;
  held: number;
  /** As of a member. */
  lapses: number;
  lapsedMs: number;
}

/** A peer that wants something, or holds a lease. */
export interface Member {
  readonly network: Network;
  wanted: WantedUnitSets;
  /** Leases that it wants to hold at once. */
  capacity: number;
  held: number;
  /** Leases that it has used. */
  used: number;
  /** How often in a row it let leases run out: a peer that is granted and does not fetch gets fewer and fewer. */
  lapses: number;
  lapsedMs: number;
}

/** Leases of a peer that has not used any yet; twice as many as it has used from then on. */
const FIRST_LEASES = 2;
const NO_LAPSES = { lapses: 0, lapsedMs: Number.NEGATIVE_INFINITY };

/** Who wants leases, and how many each may hold: trust is earned by using them, and no network has more than its part. */
export class LeaseMembers {
  readonly #members = new Map<PeerId, Member>();
  readonly #networks = new Map<string, Network>();
  #wantingNetworks = 0;
  #wantingMembers = 0;
  /** Leases that somebody holds. */
  #held = 0;

  get size(): number {
    return this.#members.size;
  }

  get(peer: PeerId): Member | undefined {
    return this.#members.get(peer);
  }

  /** @param network a token that peers behind one network exit share */
  enter(peer: PeerId, network: string): Member {
    const known = this.#members.get(peer);
    if (known !== undefined) return known;
    const its = this.#networks.get(network) ?? { members: 0, wanting: 0, held: 0, ...NO_LAPSES };
    its.members += 1;
    this.#networks.set(network, its);
    const member = { network: its, wanted: new Map(), capacity: 0, held: 0, used: 0, ...NO_LAPSES };
    this.#members.set(peer, member);
    return member;
  }

  remove(peer: PeerId, { network }: Member, name: string): void {
    this.#members.delete(peer);
    network.members -= 1;
    if (network.members === 0) this.#networks.delete(name);
  }

  setWanted(member: Member, wanted: WantedUnitSets): void {
    const { network } = member;
    const more = Math.sign(wanted.size) - Math.sign(member.wanted.size);
    if (network.wanting > 0) this.#wantingNetworks -= 1;
    network.wanting += more;
    if (network.wanting > 0) this.#wantingNetworks += 1;
    this.#wantingMembers += more;
    member.wanted = wanted;
  }

  /** Somebody other than `holder` wants the unit. */
  isMissed(pack: PackId, unit: number, holder: PeerId | undefined): boolean {
    for (const [peer, { wanted }] of this.#members) {
      if (peer !== holder && wanted.get(pack)?.has(unit)) return true;
    }
    return false;
  }

  /** Who let leases run out comes last, and who came first is not first: a hoarder would get the same ones again. */
  inOrder(): [PeerId, Member][] {
    return [...this.#members].sort(
      ([a, one], [b, two]) => one.network.lapses - two.network.lapses || one.lapses - two.lapses || (a < b ? -1 : 1),
    );
  }

  /** How many leases it may be granted now, where `atOnce` may be out among all. */
  roomOf({ network, capacity, held, used, lapses }: Member, atOnce: number): number {
    const trusted = Math.max(FIRST_LEASES, 2 * used) >> lapses;
    // Where everybody has let leases run out, on a line that is slower than it was, somebody has to go on.
    const allowed = Math.min(capacity, Math.max(trusted, this.#held === 0 ? 1 : 0), this.#mostPerMember(atOnce));
    return Math.min(allowed - held, this.#shareOf(network, atOnce) - network.held);
  }

  onGrant(member: Member, leases: number): void {
    this.#hold(member, leases);
  }

  /** It holds one no more, however that ended. */
  onRelease(member: Member): void {
    this.#hold(member, -1);
  }

  /** What it held it has used. */
  onUse(member: Member): void {
    member.used += 1;
    member.lapses = 0;
    member.network.lapses = 0;
  }

  /** What it was granted then ran out. */
  onLapse(member: Member, grantedMs: number, nowMs: number): void {
    for (const blamed of [member, member.network]) {
      // What was granted together with another that ran out says nothing new.
      if (grantedMs < blamed.lapsedMs) continue;
      blamed.lapses += 1;
      blamed.lapsedMs = nowMs;
    }
  }

  #hold(member: Member, more: number): void {
    member.held += more;
    member.network.held += more;
    this.#held += more;
  }

  /** What one alone has is lost with it: where others want leases, too, it has no more than its part of them. */
  #mostPerMember(atOnce: number): number {
    return Math.max(FIRST_LEASES, Math.ceil(atOnce / this.#wantingMembers));
  }

  /** How many leases the members of a network may hold: all, or its part while other networks want some. */
  #shareOf({ lapses }: Network, atOnce: number): number {
    if (this.#wantingNetworks < 2) return Number.POSITIVE_INFINITY;
    return Math.max(1, Math.ceil(atOnce / this.#wantingNetworks) >> lapses);
  }
}
