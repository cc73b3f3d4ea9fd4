import type { PackId } from '../protocol/identifier.ts';
import { writeUnits } from '../protocol/lease-units.ts';
import { CHUNKS_PER_LEASE, MAX_LEASES, MAX_PACKS_PER_WANT } from '../protocol/limits.ts';
import type { Lease, WantedUnits } from '../protocol/signal-message.ts';
import type { ChunkLocation } from './catalog.ts';

/** What is told to the server that gives out leases. */
export interface LeaseWant {
  readonly leases: number;
  readonly packs: readonly WantedUnits[];
}

/** Two, so that one is fetched while the end of the other is told. */
const FIRST_CAPACITY = 2;
/** As many as are fetched in this time: what is told and granted takes less. */
const CAPACITY_MS = 500;
/**
 * Who has so many chunks to give that nobody else has takes no lease more: over a slow line they all leave later than
 * somebody else could give them, and those who are no partners of it fetch them, too. When none of them was given for so
 * long, its partners may want nothing: one at a time, and twice as many each half second. Where others want something,
 * the server grants no more than each one's part (`lease-members.ts`).
 */
const MOST_UNGIVEN = 2 * CHUNKS_PER_LEASE;
const GIVING_MS = 2000;
const DOUBLING_MS = 500;
/** A report tells of all that happened in so long; thirty a second are allowed. */
const REPORT_INTERVAL_MS = 100;

/** A unit of which a chunk turned up so lately is being fetched by somebody: chunks at 0.3 Mbit/s are further apart. */
const ARRIVING_MS = 2000;

/**
 * This peer's part in sharing the work at the origin: tells the server what it lacks, and knows what it was granted.
 * Pure: time comes in, messages go out by return.
 */
export class LeaseHolder {
  readonly #granted = new Map<PackId, Set<number>>();
  /** When a chunk of a unit that no partner had before last turned up at one. */
  readonly #news = new Map<PackId, Map<number, number>>();
  #capacity = FIRST_CAPACITY;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #reported = '';
  #reportedPacks = 0;
  #ungiven = 0;
  /** When something of it was last given. */
  #givenAtMs = Number.NEGATIVE_INFINITY;
  /** Since when there is much of it, and none of it was given. */
  #stuckSinceMs = 0;
  #doneSinceMs: number | undefined;
  #done = 0;

  /** The server waits for a last word: what we lacked is not all settled. */
  get isOpen(): boolean {
    return this.#granted.size > 0 || this.#reportedPacks > 0;
  }

  /** A new connection to the server: what was granted on the last one counts no more. */
  reset(): void {
    this.#granted.clear();
    this.#reported = '';
    this.#reportedPacks = 0;
    this.#reportedAtMs = Number.NEGATIVE_INFINITY;
  }

  add(leases: readonly Lease[]): void {
    for (const { pack, unit } of leases) {
      const units = this.#granted.get(pack);
      if (units === undefined) this.#granted.set(pack, new Set([unit]));
      else units.add(unit);
    }
  }

  /** A partner has a chunk that none had. */
  onNews({ pack, index }: ChunkLocation, nowMs: number): void {
    const units = this.#news.get(pack.id);
    if (units === undefined) this.#news.set(pack.id, new Map([[unitOf(index), nowMs]]));
    else units.set(unitOf(index), nowMs);
  }

  /** Whether this peer is the one to fetch it. */
  has({ pack, index }: ChunkLocation): boolean {
    return this.#granted.get(pack.id)?.has(unitOf(index)) === true;
  }

  /** Somebody else fetches it, as far as can be seen: chunks of its unit turn up at partners. */
  isArriving({ pack, index }: ChunkLocation, nowMs: number): boolean {
    return this.#isArriving(pack.id, unitOf(index), nowMs);
  }

  /**
   * What to tell the server now, if anything.
   *
   * @param lacking chunks that this peer needs and no partner has, in the order of need
   * @param ungiven chunks that it has from the origin, and no partner has
   */
  report(lacking: Iterable<ChunkLocation>, ungiven: number, nowMs: number): LeaseWant | undefined {
    if (ungiven < this.#ungiven) this.#givenAtMs = nowMs;
    if (ungiven < Math.max(this.#ungiven, MOST_UNGIVEN)) this.#stuckSinceMs = nowMs;
    this.#ungiven = ungiven;
    if (nowMs - this.#reportedAtMs < REPORT_INTERVAL_MS) return undefined;
    const wanted = new Map<PackId, Set<number>>();
    for (const { pack, index } of lacking) {
      if (this.#isArriving(pack.id, unitOf(index), nowMs)) continue;
      const units = wanted.get(pack.id);
      if (units !== undefined) units.add(unitOf(index));
      else if (wanted.size < MAX_PACKS_PER_WANT) wanted.set(pack.id, new Set([unitOf(index)]));
    }
    this.#drop(wanted, nowMs);
    const want = {
      leases: ungiven < MOST_UNGIVEN ? this.#capacity : this.#leasesWhileGiving(nowMs),
      packs: [...wanted].map(([pack, units]) => ({ pack, units: writeUnits(units) })),
    };
    const text = JSON.stringify(want);
    if (text === this.#reported || (this.#reported === '' && wanted.size === 0)) return undefined;
    this.#reported = text;
    this.#reportedPacks = wanted.size;
    this.#reportedAtMs = nowMs;
    return want;
  }

  #leasesWhileGiving(nowMs: number): number {
    if (nowMs - this.#givenAtMs < GIVING_MS) return 0;
    const doublings = Math.floor((nowMs - this.#stuckSinceMs) / DOUBLING_MS);
    return Math.min(this.#capacity, 2 ** doublings);
  }

  /** Others fetch it, and get on: that they take their time is no reason to fetch it as well. */
  #isArriving(pack: PackId, unit: number, nowMs: number): boolean {
    if (this.#granted.get(pack)?.has(unit)) return false;
    return nowMs - (this.#news.get(pack)?.get(unit) ?? Number.NEGATIVE_INFINITY) < ARRIVING_MS;
  }

  /** Forgets what is fetched, or has turned up at a partner; learns from it how fast leases are used up. */
  #drop(wanted: ReadonlyMap<PackId, ReadonlySet<number>>, nowMs: number): void {
    let held = 0;
    for (const [pack, units] of this.#granted) {
      for (const unit of units) {
        if (wanted.get(pack)?.has(unit) === true) held += 1;
        else if (units.delete(unit)) this.#done += 1;
      }
      if (units.size === 0) this.#granted.delete(pack);
    }
    if (wanted.size === 0) this.#news.clear();
    this.#doneSinceMs ??= nowMs;
    const elapsedMs = nowMs - this.#doneSinceMs;
    if (elapsedMs < CAPACITY_MS) return;
    const usedUp = Math.ceil((this.#done * CAPACITY_MS) / elapsedMs);
    // Doubled at most: the first leases after a pause say little.
    this.#capacity = Math.min(MAX_LEASES, Math.max(FIRST_CAPACITY, Math.min(usedUp + 1, this.#capacity * 2)));
    this.#done = 0;
    this.#doneSinceMs = held === 0 ? undefined : nowMs;
  }
}

function unitOf(index: number): number {
  return Math.floor(index / CHUNKS_PER_LEASE);
}
