import type { PackId, PeerId } from '../protocol/identifier.ts';
import { readUnits } from '../protocol/lease-units.ts';
import type { Lease, WantedUnits } from '../protocol/signal-message.ts';
import { LeaseMembers, type Member, type WantedUnitSets } from './lease-members.ts';
import { LeasePace, MAXIMUM_LEASE_MS, MAXIMUM_SPREAD_MS } from './lease-pace.ts';

/** What one peer gets, at least one of the two. */
export interface Grant {
  readonly to: PeerId;
  /** Leases that it may now hold in addition. */
  readonly leases: readonly Lease[];
  /** Peers to be introduced to it: they have fetched what it wants, and none of its partners has got it yet. */
  readonly meets: readonly PeerId[];
}

interface Unit {
  /** Who may fetch it, until `busyUntilMs`; nobody while it spreads among peers. */
  holder: PeerId | undefined;
  /** Since when that is so. */
  grantedMs: number;
  /** Nobody else gets it before. */
  busyUntilMs: number;
  /** When nobody may prolong it any more. */
  latestMs: number;
  /** Who has prolonged it: each may once. */
  prolongedBy: Set<PeerId> | undefined;
  /** Somebody has got something of it since it was granted. */
  isComing: boolean;
  /** It is one of those that may be held at once. */
  isCounted: boolean;
  /** Who has fetched it, and is still here. */
  fetcher: PeerId | undefined;
  /** From then on those who want it are introduced to who has fetched it. */
  meetMs: number;
  /** Nobody else has come that far: whoever comes first is introduced to who has fetched it. */
  isAhead: boolean;
}

/** A word that prolongs a lease by less than this part of it changes nothing. */
const LEAST_PROLONGATION = 1 / 8;
/** A lease of which nothing has come by then is not counted among those, as one that is very old: a hoarder may have it. */
const SIGN_MS = 1000;
/** Until two that were introduced are connected, on a busy machine, and the first chunks have come. */
const MEETING_MS = 10_000;
/** Peers to whom one fetcher is introduced: it has no more places, and they pass on what they get. */
const MOST_MEETINGS = 20;
/** Packs of a room that are kept track of: 64 GiB of content. */
const MAXIMUM_PACKS = 4096;
const NEVER = Number.NEGATIVE_INFINITY;

/**
 * Who fetches what from the origin. Peers say which units of which packs they need and no partner of theirs has; each
 * unit is granted to one of them at a time. A peer that no longer wants a unit has it, or a partner of its has: then the
 * unit spreads among peers, and is granted again only if somebody still wants it after that. Nobody is believed twice
 * about the same lease, and nobody for long, whether it hoards, dies or lies. One network has no more than its part of
 * the leases while others want some, too. Pure: time comes in.
 */
export class LeaseBook {
  readonly #packs = new Map<PackId, Map<number, Unit>>();
  readonly #members = new LeaseMembers();
  /** Leases that somebody holds and that count among those that may be out at once. */
  #counted = 0;
  /** When something that a peer has fetched last reached another. */
  readonly #gaveMs = new Map<PeerId, number>();
  /** When a peer was introduced to one that had fetched what it wanted: the latter → the former → time. */
  readonly #metMs = new Map<PeerId, Map<PeerId, number>>();
  readonly #pace = new LeasePace();

  /** Somebody wants something, or holds a lease. */
  get isOpen(): boolean {
    return this.#members.size > 0;
  }

  /**
   * Replaces what `peer` wants.
   *
   * @param network a token that peers behind one network exit share
   * @returns what it and others may fetch because of it.
   */
  want(peer: PeerId, packs: readonly WantedUnits[], capacity: number, nowMs: number, network = ''): Grant[] {
    const wanted = new Map(packs.map(({ pack, units }) => [pack, new Set(readUnits(units))] as const));
    const member = this.#members.enter(peer, network);
    const before = member.wanted;
    this.#members.setWanted(member, wanted);
    member.capacity = capacity;
    this.#settle(peer, member, before, nowMs);
    if (wanted.size === 0 && member.held === 0) this.#members.remove(peer, member, network);
    const grant = this.#grant(peer, member, nowMs);
    return grant === undefined ? [] : [grant];
  }

  /** Its leases are free at once, and so is what it alone has fetched. */
  leave(peer: PeerId, nowMs: number, network = ''): Grant[] {
    const member = this.#members.get(peer);
    this.#gaveMs.delete(peer);
    this.#metMs.delete(peer);
    let areFree = false;
    for (const units of this.#packs.values()) {
      for (const unit of units.values()) {
        const isHeld = unit.holder === peer;
        if (!isHeld && unit.fetcher !== peer) continue;
        if (isHeld && member !== undefined) this.#release(unit, member);
        unit.fetcher = undefined;
        unit.isAhead = false;
        // It has reached others.
        if (!isHeld && unit.isComing) continue;
        unit.busyUntilMs = nowMs;
        areFree = true;
      }
    }
    if (member !== undefined) {
      this.#members.setWanted(member, new Map());
      this.#members.remove(peer, member, network);
    }
    return areFree ? this.tick(nowMs) : [];
  }

  /** To be called every second or so: ends the leases that ran out, and grants what is free. */
  tick(nowMs: number): Grant[] {
    this.#lapseAll(nowMs);
    const grants: Grant[] = [];
    for (const [peer, member] of this.#members.inOrder()) {
      const grant = this.#grant(peer, member, nowMs);
      if (grant !== undefined) grants.push(grant);
    }
    return grants;
  }

  /** What `peer` wanted and wants no more is with it or near it. */
  #settle(peer: PeerId, member: Member, before: WantedUnitSets, nowMs: number): void {
    for (const [pack, units] of before) {
      const still = member.wanted.get(pack);
      const known = this.#packs.get(pack);
      for (const number of units) {
        const unit = still?.has(number) ? undefined : known?.get(number);
        if (unit === undefined) continue;
        if (unit.holder !== peer) {
          this.#prolong(unit, peer, nowMs);
          continue;
        }
        this.#pace.onUse(nowMs - unit.grantedMs);
        this.#release(unit, member);
        this.#members.onUse(member);
        // It spreads: nobody else needs to fetch it for some time.
        known?.set(number, { ...this.#busy(undefined, nowMs), fetcher: peer });
      }
    }
  }

  /**
   * `peer` has got the unit from a partner, or says so: whoever holds it gets on. A crowd that says so in one moment says
   * it once.
   */
  #prolong(unit: Unit, peer: PeerId, nowMs: number): void {
    if (unit.fetcher !== undefined && unit.fetcher !== peer) {
      if (!unit.isComing) this.#pace.onReached(nowMs - unit.grantedMs);
      this.#gaveMs.set(unit.fetcher, nowMs);
    }
    unit.isComing = true;
    const untilMs = Math.min(
      nowMs + (unit.holder === undefined ? this.#pace.spreadMs : this.#pace.leaseMs),
      unit.latestMs,
    );
    if (untilMs - unit.busyUntilMs < this.#pace.leaseMs * LEAST_PROLONGATION || unit.prolongedBy?.has(peer)) return;
    unit.prolongedBy ??= new Set();
    unit.prolongedBy.add(peer);
    unit.busyUntilMs = untilMs;
  }

  /** Nobody gets it now. Who has fetched much gives one after the other: what still waits is not lost while it gives. */
  #isBusy(unit: Unit, nowMs: number): boolean {
    if (unit.busyUntilMs <= nowMs && unit.fetcher !== undefined && !unit.isAhead) {
      const gaveMs = this.#gaveMs.get(unit.fetcher) ?? NEVER;
      unit.busyUntilMs = Math.min(gaveMs + this.#pace.spreadMs, unit.grantedMs + MAXIMUM_LEASE_MS);
    }
    return unit.busyUntilMs > nowMs;
  }

  #grant(peer: PeerId, member: Member, nowMs: number): Grant | undefined {
    const { atOnce } = this.#pace;
    let room = Math.min(this.#members.roomOf(member, atOnce), atOnce - this.#counted);
    if (room <= 0) return undefined;
    const leases: Lease[] = [];
    const meets = new Set<PeerId>();
    for (const [pack, numbers] of member.wanted) {
      const units = this.#unitsOf(pack);
      for (const number of numbers) {
        if (room === 0) break;
        const unit = units?.get(number);
        if (units === undefined || (unit !== undefined && this.#isToBeHad(unit, peer, meets, nowMs))) continue;
        if (unit !== undefined) this.#lapse(unit, nowMs);
        units.set(number, this.#busy(peer, nowMs));
        leases.push({ pack, unit: number });
        room -= 1;
      }
    }
    this.#members.onGrant(member, leases.length);
    this.#counted += leases.length;
    return leases.length + meets.size === 0 ? undefined : { to: peer, leases, meets: [...meets] };
  }

  /**
   * Somebody fetches it, or has, and `peer` may still get it from there. Who has no partner that has got it in ten seconds,
   * or comes first to what was fetched far ahead of everybody, is introduced to the fetcher itself.
   */
  #isToBeHad(unit: Unit, peer: PeerId, meets: Set<PeerId>, nowMs: number): boolean {
    const { fetcher } = unit;
    // It lacks another part of it now.
    if (fetcher === peer) return false;
    if (unit.isAhead) {
      unit.isAhead = false;
      // Its time begins now.
      unit.grantedMs = nowMs;
      unit.meetMs = nowMs;
      unit.latestMs = nowMs + MAXIMUM_SPREAD_MS;
    }
    const isBusy = this.#isBusy(unit, nowMs);
    if (fetcher === undefined || nowMs < unit.meetMs) return isBusy;
    const met = this.#metMs.get(fetcher) ?? new Map<PeerId, number>();
    this.#metMs.set(fetcher, met);
    if (!met.has(peer) && met.size < MOST_MEETINGS) {
      met.set(peer, nowMs);
      meets.add(fetcher);
    }
    return isBusy || nowMs < Math.min((met.get(peer) ?? NEVER) + MEETING_MS, unit.latestMs);
  }

  #lapseAll(nowMs: number): void {
    for (const [pack, units] of this.#packs) {
      for (const [number, unit] of units) {
        if (nowMs >= (unit.isComing ? unit.latestMs : unit.grantedMs + SIGN_MS)) this.#discount(unit);
        if (this.#isBusy(unit, nowMs)) continue;
        if (unit.fetcher !== undefined && this.isOpen && !unit.isAhead) {
          unit.isAhead = !this.#members.isMissed(pack, number, unit.holder);
          if (unit.isAhead) this.#pace.onSpread();
          else this.#pace.onMissed(unit.grantedMs, nowMs);
        }
        // What somebody has fetched is known as long as it is there.
        if (unit.fetcher !== undefined && this.isOpen) continue;
        if (this.#isSlow(pack, number, unit)) {
          unit.busyUntilMs = nowMs + this.#pace.leaseMs;
          continue;
        }
        this.#lapse(unit, nowMs);
        units.delete(number);
      }
      if (units.size === 0) this.#packs.delete(pack);
    }
  }

  /** The holder is slow and does no harm: what it has got reaches the others, and nobody misses the rest. */
  #isSlow(pack: PackId, number: number, unit: Unit): boolean {
    if (unit.holder === undefined || !(unit.isComing || this.#members.size === 1)) return false;
    return !this.#members.isMissed(pack, number, unit.holder);
  }

  #lapse(unit: Unit, nowMs: number): void {
    const { holder, grantedMs } = unit;
    const member = holder === undefined ? undefined : this.#members.get(holder);
    if (member === undefined) return;
    this.#release(unit, member);
    this.#pace.onLapse(grantedMs, nowMs);
    this.#members.onLapse(member, grantedMs, nowMs);
  }

  /** Nobody holds it any more. */
  #release(unit: Unit, member: Member): void {
    unit.holder = undefined;
    this.#members.onRelease(member);
    this.#discount(unit);
  }

  #discount(unit: Unit): void {
    if (unit.isCounted) this.#counted -= 1;
    unit.isCounted = false;
  }

  #busy(holder: PeerId | undefined, nowMs: number): Unit {
    return {
      holder,
      grantedMs: nowMs,
      busyUntilMs: nowMs + (holder === undefined ? this.#pace.spreadMs : this.#pace.leaseMs),
      latestMs: nowMs + (holder === undefined ? MAXIMUM_SPREAD_MS : MAXIMUM_LEASE_MS),
      prolongedBy: undefined,
      isComing: false,
      isCounted: holder !== undefined,
      fetcher: undefined,
      meetMs: nowMs + MAXIMUM_LEASE_MS - MEETING_MS,
      isAhead: false,
    };
  }

  #unitsOf(pack: PackId): Map<number, Unit> | undefined {
    let units = this.#packs.get(pack);
    if (units === undefined && this.#packs.size < MAXIMUM_PACKS) {
      units = new Map();
      this.#packs.set(pack, units);
    }
    return units;
  }
}
