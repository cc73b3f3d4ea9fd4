import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../bench/sim/scenario.ts';
import { type Outcome, simulate } from '../../bench/sim/simulation.ts';

/** Forty peers come within a second for 6 MiB: the work of a second or two, more on a busy machine. */
const CROWD: Scenario = {
  peers: 40,
  seed: 1,
  chunks: 96,
  chunkBytes: 64 * 1024,
  originMbps: 100,
  uploadMbps: 20,
  downloadMbps: 100,
  skew: 1,
  rttMs: 60,
  arrivals: 0,
  churn: 0,
  nat: 0.1,
  polluters: 0,
  freeRiders: 0,
  hoarders: 0,
  sites: 0,
  siteMbps: 20,
};
const TIMEOUT_MS = 60_000;

const copies = ({ originBytes, releaseBytes }: Outcome): number => originBytes / releaseBytes;
const sum = ({ peers }: Outcome, value: (peer: Outcome['peers'][number]) => number): number =>
  peers.reduce((total, peer) => total + value(peer), 0);

describe('a simulated flash crowd', { timeout: TIMEOUT_MS }, () => {
  it('takes little more than one copy from the origin, and the same seed gives the same trace', async () => {
    const first = await simulate(CROWD);
    expect(first.unfinished).toBe(0);
    expect(sum(first, ({ wrongChunks }) => wrongChunks)).toBe(0);
    expect(copies(first)).toBeLessThan(1.2);
    expect((await simulate(CROWD)).trace).toBe(first.trace);
  });

  it('is served whole and right though a third of it sends wrong bytes', async () => {
    const outcome = await simulate({ ...CROWD, chunks: 48, polluters: 0.3 });
    expect(outcome.unfinished).toBe(0);
    expect(sum(outcome, ({ wrongChunks }) => wrongChunks)).toBe(0);
    expect(sum(outcome, ({ bans }) => bans)).toBeGreaterThan(0);
  });
});
