import { rounded } from '../benchmark.ts';

const RESAMPLES = 1000;
/** Of the interval. */
const CONFIDENCE = 0.95;
const SEED = 0x5eed;
/** The target: this much of what plain HTTP takes, and so many milliseconds. */
const TARGET_FACTOR = 1.02;
const TARGET_EXTRA_MS = 20;

/** Milliseconds of requests by both sides, taken in turn. */
export interface Samples {
  readonly tabseed: readonly number[];
  readonly http: readonly number[];
}

/** `p50` and `p95` are ratios of the two sides' percentiles; `low` and `high` bound the latter. */
export interface CaseResult {
  readonly p50: number;
  readonly p95: number;
  readonly low: number;
  readonly high: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly httpP50Ms: number;
  readonly httpP95Ms: number;
  readonly limitMs: number;
  readonly withinTarget: boolean;
}

export function summarize({ tabseed, http }: Samples): CaseResult {
  const random = seededRandom(SEED);
  const ratios = Array.from({ length: RESAMPLES }, () => {
    return percentile(resampled(tabseed, random), 0.95) / percentile(resampled(http, random), 0.95);
  });
  const [p50Ms, p95Ms] = [percentile(tabseed, 0.5), percentile(tabseed, 0.95)];
  const [httpP50Ms, httpP95Ms] = [percentile(http, 0.5), percentile(http, 0.95)];
  const limitMs = TARGET_FACTOR * httpP95Ms + TARGET_EXTRA_MS;
  return {
    p50: rounded(p50Ms / httpP50Ms),
    p95: rounded(p95Ms / httpP95Ms),
    low: rounded(percentile(ratios, (1 - CONFIDENCE) / 2)),
    high: rounded(percentile(ratios, (1 + CONFIDENCE) / 2)),
    p50Ms: rounded(p50Ms, 1),
    p95Ms: rounded(p95Ms, 1),
    httpP50Ms: rounded(httpP50Ms, 1),
    httpP95Ms: rounded(httpP95Ms, 1),
    limitMs: rounded(limitMs, 1),
    withinTarget: p95Ms <= limitMs,
  };
}

/** Nearest rank. */
function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

function resampled(values: readonly number[], random: () => number): number[] {
  return values.map(() => values[Math.floor(random() * values.length)] as number);
}

/** Mulberry32: the same result prints the same interval. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
