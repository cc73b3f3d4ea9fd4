import type { PackId, PeerId } from '../protocol/identifier.ts';
import { readUnits } from '../protocol/lease-units.ts';
import type { Lease, WantedUnits } from '../protocol/signal-message.ts';

/** Leases that one peer may now hold in addition. */
export interface Grant {
  readonly to: PeerId;
  readonly leases: readonly Lease[];
}

interface Unit {
  /** Who may fetch it, until `busyUntilMs`; nobody while it spreads among peers. */
  holder: PeerId | undefined;
  grantedMs: number;
  /** Nobody else gets it before. */
  busyUntilMs: number;
}

interface Member {
  wanted: ReadonlyMap<PackId, ReadonlySet<number>>;
  /** Leases that it wants to hold at once. */
  capacity: number;
  held: number;
  /** Leases that it has used. */
  used: number;
  /** How often in a row it let leases run out: a peer that is granted and does not fetch gets fewer and fewer. */
  lapses: number;
  lapsedMs: number;
}

/**
 * A lease of unknown duration: until a first chunk has turned up at somebody, who then no longer lacks the unit. A crowd
 * whose first leases all went to hoarders waits so long.
 */
const FIRST_LEASE_MS = 1500;
/** Leases of a peer that has not used any yet; twice as many as it has used from then on. */
const FIRST_LEASES = 2;
/** A holder may take so many times the usual time, and a second on top for its report. */
const SLACK = 3;
const SLACK_MS = 1000;
const MAXIMUM_LEASE_MS = 20_000;
/** Packs of a room that are kept track of: 64 GiB of content. */
const MAXIMUM_PACKS = 4096;

/**
 * Who fetches what from the origin. Peers say which units of which packs they need and no partner of theirs has; each
 * unit is granted to one of them at a time. A peer that no longer wants a unit has it, or a partner of its has: then the
 * unit spreads among peers, and is granted again only if somebody still wants it after that. So nobody is believed for
 * longer than a lease takes, whether it hoards, dies or lies. Pure: time comes in.
 */
export class LeaseBook {
  readonly #packs = new Map<PackId, Map<number, Unit>>();
  readonly #members = new Map<PeerId, Member>();
  /** Leases that somebody holds. */
  #held = 0;
  /** How long a lease took, of late. */
  #usualMs: number | undefined;

  /** Somebody wants something, or holds a lease. */
  get isOpen(): boolean {
    return this.#members.size > 0;
  }

  /** Replaces what `peer` wants. @returns what it and others may fetch because of it. */
  want(peer: PeerId, packs: readonly WantedUnits[], capacity: number, nowMs: number): Grant[] {
    const wanted = new Map(packs.map(({ pack, units }) => [pack, new Set(readUnits(units))] as const));
    const before = this.#members.get(peer);
    const member: Member = {
      wanted,
      capacity,
      held: before?.held ?? 0,
      used: before?.used ?? 0,
      lapses: before?.lapses ?? 0,
      lapsedMs: before?.lapsedMs ?? Number.NEGATIVE_INFINITY,
    };
    this.#members.set(peer, member);
    if (before !== undefined) this.#settle(peer, member, before.wanted, nowMs);
    if (wanted.size === 0 && member.held === 0) this.#members.delete(peer);
    const grant = this.#grant(peer, member, nowMs);
    return grant === undefined ? [] : [grant];
  }

  /** Its leases are free at once. */
  leave(peer: PeerId, nowMs: number): Grant[] {
    const member = this.#members.get(peer);
    if (member === undefined) return [];
    this.#members.delete(peer);
    if (member.held === 0) return [];
    this.#held -= member.held;
    for (const units of this.#packs.values()) {
      for (const unit of units.values()) if (unit.holder === peer) free(unit, nowMs);
    }
    return this.tick(nowMs);
  }

  /** To be called every second or so: ends the leases that ran out, and grants what is free. */
  tick(nowMs: number): Grant[] {
    this.#lapseAll(nowMs);
    const grants: Grant[] = [];
    // Who let leases run out comes last, and who came first is not first: a hoarder would get the same ones again.
    const members = [...this.#members].sort(([a, one], [b, two]) => one.lapses - two.lapses || (a < b ? -1 : 1));
    for (const [peer, member] of members) {
      const grant = this.#grant(peer, member, nowMs);
      if (grant !== undefined) grants.push(grant);
    }
    return grants;
  }

  /** What `peer` wanted and wants no more is with it or near it. */
  #settle(peer: PeerId, member: Member, before: Member['wanted'], nowMs: number): void {
    for (const [pack, units] of before) {
      const still = member.wanted.get(pack);
      for (const number of units) {
        if (still?.has(number)) continue;
        const unit = this.#packs.get(pack)?.get(number);
        if (unit === undefined) continue;
        if (unit.holder === peer) {
          this.#measure(nowMs - unit.grantedMs);
          this.#release(member);
          member.used += 1;
          member.lapses = 0;
          unit.holder = undefined;
          unit.busyUntilMs = nowMs;
        }
        unit.busyUntilMs = Math.max(unit.busyUntilMs, nowMs + this.#leaseMs);
      }
    }
  }

  #grant(peer: PeerId, member: Member, nowMs: number): Grant | undefined {
    const trusted = Math.min(member.capacity, Math.max(FIRST_LEASES, 2 * member.used));
    // Where everybody has let leases run out, on a line that is slower than it was, somebody has to go on.
    let room = Math.max(trusted >> member.lapses, this.#held === 0 ? 1 : 0) - member.held;
    if (room <= 0) return undefined;
    const leases: Lease[] = [];
    for (const [pack, numbers] of member.wanted) {
      const units = this.#unitsOf(pack);
      for (const number of numbers) {
        if (room === 0) break;
        const unit = units?.get(number);
        if (units === undefined || (unit !== undefined && unit.busyUntilMs > nowMs)) continue;
        if (unit !== undefined) this.#lapse(unit, nowMs);
        units.set(number, { holder: peer, grantedMs: nowMs, busyUntilMs: nowMs + this.#leaseMs });
        leases.push({ pack, unit: number });
        room -= 1;
      }
    }
    member.held += leases.length;
    this.#held += leases.length;
    return leases.length === 0 ? undefined : { to: peer, leases };
  }

  #lapseAll(nowMs: number): void {
    for (const [pack, units] of this.#packs) {
      for (const [number, unit] of units) {
        if (unit.busyUntilMs > nowMs) continue;
        this.#lapse(unit, nowMs);
        units.delete(number);
      }
      if (units.size === 0) this.#packs.delete(pack);
    }
  }

  #lapse({ holder, grantedMs }: Unit, nowMs: number): void {
    const member = holder === undefined ? undefined : this.#members.get(holder);
    if (member === undefined) return;
    this.#release(member);
    // What was granted together with another that ran out says nothing new.
    if (grantedMs < member.lapsedMs) return;
    member.lapses += 1;
    member.lapsedMs = nowMs;
  }

  #release(member: Member): void {
    member.held -= 1;
    this.#held -= 1;
  }

  #unitsOf(pack: PackId): Map<number, Unit> | undefined {
    let units = this.#packs.get(pack);
    if (units === undefined && this.#packs.size < MAXIMUM_PACKS) {
      units = new Map();
      this.#packs.set(pack, units);
    }
    return units;
  }

  get #leaseMs(): number {
    if (this.#usualMs === undefined) return FIRST_LEASE_MS;
    return Math.min(MAXIMUM_LEASE_MS, SLACK * this.#usualMs + SLACK_MS);
  }

  #measure(milliseconds: number): void {
    this.#usualMs = this.#usualMs === undefined ? milliseconds : this.#usualMs + (milliseconds - this.#usualMs) / 8;
  }
}

function free(unit: Unit, nowMs: number): void {
  unit.holder = undefined;
  unit.busyUntilMs = nowMs;
}
