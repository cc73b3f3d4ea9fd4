import type { Random } from '../../src/core/ports.ts';

const BYTES_PER_MS_PER_MBPS = 125;

/** What is simulated; rates in decimal megabits a second. */
export interface Scenario {
  readonly peers: number;
  readonly seed: number;
  readonly chunks: number;
  readonly chunkBytes: number;
  readonly originMbps: number;
  readonly uploadMbps: number;
  readonly downloadMbps: number;
  /** Fastest line over slowest, spread evenly in the logarithm; the fastest has the rates above. */
  readonly skew: number;
  /** Mean round trip between two peers. */
  readonly rttMs: number;
  /** Peers a second, as a Poisson process; 0: all within the first second. */
  readonly arrivals: number;
  /** Share of peers that vanish before they are done. */
  readonly churn: number;
  /** Share of pairs that cannot connect. */
  readonly nat: number;
  readonly polluters: number;
  readonly freeRiders: number;
  readonly hoarders: number;
  /** Sites of equal size that keep to themselves, each behind one line; 0: one network. */
  readonly sites: number;
  readonly siteMbps: number;
  /** Copies that the origin has sent when the signaling server ends, and when it ends itself; 0: never. */
  readonly signalingEnds: number;
  readonly originEnds: number;
}

export interface PeerPlan {
  readonly role: 'honest' | 'polluter' | 'free-rider' | 'hoarder';
  readonly arrivesMs: number;
  /** When it vanishes. */
  readonly leavesMs: number | undefined;
  readonly uploadBytesPerMs: number;
  readonly downloadBytesPerMs: number;
  readonly latencyMs: number;
  readonly site: number | undefined;
}

export function planPeers(scenario: Scenario, random: Random): PeerPlan[] {
  let arrivesMs = 0;
  const plans = Array.from({ length: scenario.peers }, (_, index): PeerPlan => {
    const role = roleAt(random.next(), scenario);
    const slower = scenario.skew ** random.next();
    arrivesMs = scenario.arrivals === 0 ? random.next() * 1000 : arrivesMs + gapMs(scenario.arrivals, random);
    const leaves = random.next() < scenario.churn;
    return {
      role,
      arrivesMs,
      leavesMs: leaves ? random.next() : undefined,
      uploadBytesPerMs: (scenario.uploadMbps * BYTES_PER_MS_PER_MBPS) / slower,
      downloadBytesPerMs: (scenario.downloadMbps * BYTES_PER_MS_PER_MBPS) / slower,
      latencyMs: (scenario.rttMs / 4) * (0.5 + random.next()),
      site: scenario.sites === 0 ? undefined : index % scenario.sites,
    };
  });
  const boundMs = fluidBoundMs(scenario, plans);
  // Whoever vanishes does so at some moment of the time that the whole takes at best.
  return plans.map((plan) =>
    plan.leavesMs === undefined ? plan : { ...plan, leavesMs: plan.arrivesMs + plan.leavesMs * boundMs },
  );
}

function roleAt(chance: number, { polluters, freeRiders, hoarders }: Scenario): PeerPlan['role'] {
  if (chance < polluters) return 'polluter';
  if (chance < polluters + freeRiders) return 'free-rider';
  return chance < polluters + freeRiders + hoarders ? 'hoarder' : 'honest';
}

function gapMs(perSecond: number, random: Random): number {
  return (-Math.log(1 - random.next()) / perSecond) * 1000;
}

/**
 * The fluid bound (Kumar and Ross): nobody is faster than the origin sends one copy, the slowest takes one, or everybody
 * together gives as many as are needed. Who gives nothing useful counts as a taker only.
 */
export function fluidBoundMs(scenario: Scenario, plans: readonly PeerPlan[]): number {
  const bytes = scenario.chunks * scenario.chunkBytes;
  const originRate = scenario.originMbps * BYTES_PER_MS_PER_MBPS;
  if (scenario.sites === 0) return boundOf(bytes, originRate, plans);
  const lineRate = Math.min(scenario.siteMbps * BYTES_PER_MS_PER_MBPS, originRate / scenario.sites);
  const bounds = Array.from({ length: scenario.sites }, (_, site) =>
    boundOf(
      bytes,
      lineRate,
      plans.filter((plan) => plan.site === site),
    ),
  );
  return Math.max(...bounds);
}

function boundOf(bytes: number, sourceRate: number, plans: readonly PeerPlan[]): number {
  const takers = plans.filter(({ role }) => role === 'honest' || role === 'free-rider');
  const uploads = plans.filter(({ role }) => role === 'honest').reduce((sum, plan) => sum + plan.uploadBytesPerMs, 0);
  const slowest = takers.reduce((rate, plan) => Math.min(rate, plan.downloadBytesPerMs), Number.POSITIVE_INFINITY);
  return Math.max(bytes / sourceRate, bytes / slowest, (takers.length * bytes) / (sourceRate + uploads));
}

export function bytesPerMs(mbps: number): number {
  return mbps * BYTES_PER_MS_PER_MBPS;
}
