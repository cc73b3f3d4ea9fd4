import type { SourceBytes } from './source-bytes.ts';

/** The chart's columns: seconds since the page started, then bytes per second. `null` breaks the line. */
export interface RateColumns {
  readonly seconds: readonly number[];
  readonly peers: readonly (number | null)[];
  readonly store: readonly (number | null)[];
  readonly origin: readonly (number | null)[];
}

interface Sample {
  readonly atMs: number;
  readonly rate: SourceBytes | null;
}

/** After this long without a byte the chart stands still, so that a visit can be read at leisure once it is over. */
const QUIET_MS = 3000;

/** What the chart spans: a first visit on a slow line fits. */
const WINDOW_MS = 60_000;

/** Turns running totals into rates over time. */
export class RateHistory {
  readonly #samples: Sample[] = [];
  #last: { atMs: number; total: SourceBytes } | undefined;
  #movedAtMs = Number.NEGATIVE_INFINITY;

  /** Takes the totals at a moment; true if the chart has something new to show. The first totals are where it starts. */
  record(atMs: number, total: SourceBytes): boolean {
    const last = this.#last;
    this.#last = { atMs, total };
    if (last === undefined || atMs <= last.atMs) return false;
    const perSecond = (now: number, before: number): number =>
      // Totals fall when the worker was restarted; what it then counts is new.
      ((now >= before ? now - before : now) * 1000) / (atMs - last.atMs);
    const rate = {
      peers: perSecond(total.peers, last.total.peers),
      store: perSecond(total.store, last.total.store),
      origin: perSecond(total.origin, last.total.origin),
    };
    const wasQuiet = atMs - this.#movedAtMs > QUIET_MS;
    if (rate.peers + rate.store + rate.origin > 0) this.#movedAtMs = atMs;
    if (atMs - this.#movedAtMs > QUIET_MS) return false;
    if (wasQuiet) {
      if (this.#samples.length > 0) this.#samples.push({ atMs: last.atMs, rate: null });
      this.#samples.push({ atMs: last.atMs, rate: { peers: 0, store: 0, origin: 0 } });
    }
    this.#samples.push({ atMs, rate });
    const oldest = this.#samples.findIndex((sample) => sample.atMs >= atMs - WINDOW_MS);
    this.#samples.splice(0, oldest);
    return true;
  }

  columns(): RateColumns {
    return {
      seconds: this.#samples.map(({ atMs }) => atMs / 1000),
      peers: this.#samples.map(({ rate }) => rate?.peers ?? null),
      store: this.#samples.map(({ rate }) => rate?.store ?? null),
      origin: this.#samples.map(({ rate }) => rate?.origin ?? null),
    };
  }

  /** The highest rate in the window, over all sources together. */
  peakPerSecond(): number {
    return Math.max(0, ...this.#samples.map(({ rate }) => (rate ? rate.peers + rate.store + rate.origin : 0)));
  }
}
