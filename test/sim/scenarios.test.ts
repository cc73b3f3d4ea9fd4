import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../bench/sim/scenario.ts';
import { type Outcome, simulate } from '../../bench/sim/simulation.ts';

/** Forty peers come within a second for 4 MiB: the work of a second or two, more on a busy machine. */
const CROWD: Scenario = {
  peers: 40,
  seed: 1,
  chunks: 64,
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
  signalingEnds: 0,
  originEnds: 0,
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

  it('is served whole and right though a third of it sends wrong bytes, a chunk of each to each at most', async () => {
    const outcome = await simulate({ ...CROWD, chunks: 48, polluters: 0.3 });
    expect(outcome.unfinished).toBe(0);
    expect(sum(outcome, ({ wrongChunks }) => wrongChunks)).toBe(0);
    const bans = sum(outcome, (peer) => peer.bans);
    expect(bans).toBeGreaterThan(0);
    expect(sum(outcome, ({ traffic }) => traffic.plain.wasted)).toBeLessThanOrEqual(bans * CROWD.chunkBytes);
  });

  it('is complete though half of it gives nothing', async () => {
    const outcome = await simulate({ ...CROWD, chunks: 48, freeRiders: 0.5 });
    expect(outcome.unfinished).toBe(0);
    expect(copies(outcome)).toBeLessThan(1.5);
  });

  it('takes little more than one copy though a tenth of it hoards leases', async () => {
    const outcome = await simulate({ ...CROWD, chunks: 96, hoarders: 0.1 });
    expect(outcome.unfinished).toBe(0);
    expect(copies(outcome)).toBeLessThan(1.2);
  });

  it('takes about one copy for each site behind a thin line', async () => {
    const outcome = await simulate({ ...CROWD, chunks: 48, sites: 4 });
    expect(outcome.unfinished).toBe(0);
    expect(copies(outcome) / 4).toBeLessThanOrEqual(1.1);
  });

  it('takes little more than one copy for a site whose line is so thin that each lease takes many seconds', async () => {
    const outcome = await simulate({ ...CROWD, peers: 30, chunks: 128, sites: 1, siteMbps: 2.5 });
    expect(outcome.unfinished).toBe(0);
    // Nine copies without a bound on the leases that are out at once.
    expect(copies(outcome)).toBeLessThanOrEqual(1.3);
  });

  /** As large as a crowd of browsers whose members all know each other. */
  const KNOWN: Scenario = { ...CROWD, peers: 8, chunks: 192, originMbps: 16, nat: 0 };

  it.each([1, 2, 3])(
    'takes little more than one copy when the signaling server ends in the middle (%i)',
    async (seed) => {
      const outcome = await simulate({ ...KNOWN, seed, signalingEnds: 0.3 });
      expect(outcome.unfinished).toBe(0);
      expect(sum(outcome, ({ wrongChunks }) => wrongChunks)).toBe(0);
      expect(copies(outcome)).toBeLessThanOrEqual(1.2);
    },
  );

  it('is complete when the origin ends after one copy', async () => {
    const outcome = await simulate({ ...KNOWN, originEnds: 1 });
    expect(outcome.unfinished).toBe(0);
    expect(sum(outcome, ({ wrongChunks }) => wrongChunks)).toBe(0);
    expect(copies(outcome)).toBeLessThanOrEqual(1.2);
  });

  it('takes little more than one copy when a third of it vanishes', async () => {
    const outcome = await simulate({ ...KNOWN, peers: 9, churn: 1 / 3 });
    expect(outcome.unfinished).toBe(0);
    expect(sum(outcome, ({ wrongChunks }) => wrongChunks)).toBe(0);
    expect(copies(outcome)).toBeLessThanOrEqual(1.2);
  });

  it('is complete when lines differ by ten and a fifth vanishes', async () => {
    const outcome = await simulate({ ...CROWD, chunks: 48, skew: 10, churn: 0.2 });
    expect(outcome.unfinished).toBe(0);
    expect(copies(outcome)).toBeLessThan(2);
  });
});
