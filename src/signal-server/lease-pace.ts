/**
 * A lease of unknown duration: until a first chunk has turned up at somebody, who then no longer lacks the unit. A crowd
 * whose first leases all went to hoarders waits so long.
 */
const FIRST_LEASE_MS = 1500;
/** A holder may take so many times the usual time, and two seconds on top for its report and for a busy machine. */
const SLACK = 3;
const SLACK_MS = 2000;
/** Also the longest that others may prolong it. */
export const MAXIMUM_LEASE_MS = 20_000;
/**
 * What was fetched goes through a crowd from one slow line to the next, as long as the whole download takes. While one
 * peer after the other gets it, nobody else fetches it. With the 20 s of a lease, crowds on lines of 2 to 20 Mbit/s took
 * 1.27 to 1.59 copies for 1.00 to 1.09, and were done no sooner, but for those of whom some give nothing (by 3 %).
 */
export const MAXIMUM_SPREAD_MS = 120_000;
/**
 * Leases at once in the whole book, so that each is used soon: a line that is too thin for many at a time sends all of
 * them slowly, and no deadline tells that from death. Four, since whoever has a slow line of its own waits longer for
 * its own copy than for a first one over four such lines.
 */
const LEAST_AT_ONCE = 4;
/** One more for each that took no longer than that, one fewer for each that took longer than this. */
const QUICK_LEASE_MS = 1500;
const SLOW_LEASE_MS = 3000;

/** How long leases may take and how many may be out at once, from how long they took. Pure: time comes in. */
export class LeasePace {
  /** Of a lease, of late. */
  #usualMs: number | undefined;
  #firstMs = FIRST_LEASE_MS;
  #firstGrownMs = Number.NEGATIVE_INFINITY;
  /** From the one who has fetched something to the next one, of late. */
  #usualSpreadMs = 0;
  #slowSpreadMs = 0;
  #spreadGrownMs = Number.NEGATIVE_INFINITY;
  #atOnce = LEAST_AT_ONCE;

  /** Leases that may be out at once. */
  get atOnce(): number {
    return this.#atOnce;
  }

  get leaseMs(): number {
    if (this.#usualMs === undefined) return this.#firstMs;
    return Math.min(MAXIMUM_LEASE_MS, SLACK * this.#usualMs + SLACK_MS);
  }

  /** What is fetched is not fetched again before that. */
  get spreadMs(): number {
    const mostMs = this.#usualSpreadMs === 0 ? 0 : Math.min(MAXIMUM_LEASE_MS, SLACK * this.#usualSpreadMs + SLACK_MS);
    return Math.max(this.leaseMs, mostMs, this.#slowSpreadMs);
  }

  /** A lease was used. */
  onUse(tookMs: number): void {
    if (tookMs <= QUICK_LEASE_MS) this.#atOnce += 1;
    else if (tookMs > SLOW_LEASE_MS) this.#atOnce = Math.max(LEAST_AT_ONCE, this.#atOnce - 1);
    this.#usualMs =
      this.#usualMs === undefined ? Math.max(tookMs, FIRST_LEASE_MS) : this.#usualMs + (tookMs - this.#usualMs) / 8;
  }

  /** What was fetched has reached somebody else. */
  onReached(tookMs: number): void {
    const usualMs = this.#usualSpreadMs === 0 ? tookMs : this.#usualSpreadMs;
    this.#usualSpreadMs = usualMs + (tookMs - usualMs) / 8;
  }

  /** A lease ran out. Before any was used the next ones are twice as long, once for all that were out then. */
  onLapse(grantedMs: number, nowMs: number): void {
    if (this.#usualMs !== undefined || grantedMs < this.#firstGrownMs) return;
    this.#firstMs = Math.min(MAXIMUM_LEASE_MS, 2 * this.#firstMs);
    this.#firstGrownMs = nowMs;
  }

  /** What was fetched has had its time to spread, and nobody misses it: an eighth less will do, too. */
  onSpread(): void {
    this.#slowSpreadMs -= this.#slowSpreadMs / 8;
  }

  /** It had its time, and somebody misses it: twice as long, once for all that spread then. */
  onMissed(fetchedMs: number, nowMs: number): void {
    if (fetchedMs < this.#spreadGrownMs) return;
    this.#slowSpreadMs = Math.min(MAXIMUM_LEASE_MS, 2 * this.spreadMs);
    this.#spreadGrownMs = nowMs;
  }
}
