import { MAX_FRAGMENT_BYTES } from '../../src/protocol/limits.ts';
import { type Benchmark, rounded } from '../benchmark.ts';
import { completionChart } from './completion-chart.ts';
import type { Scenario } from './scenario.ts';
import { type Outcome, simulate } from './simulation.ts';

const KIB = 1024;

export const benchmark: Benchmark = {
  summary: 'the real engine and leases in virtual time: completion against the fluid bound, copies, waste, fairness',
  options: [
    { name: 'peers', unit: 'count', summary: 'engines', default: 1000 },
    { name: 'seed', unit: 'number', summary: 'of all chance: the same seed gives the same trace', default: 1 },
    { name: 'chunks', unit: 'count', summary: 'spans of the file, of one chunk each', default: 256 },
    { name: 'chunk-kib', unit: 'KiB', summary: 'size of a chunk, 255 at most', default: 192 },
    { name: 'origin-mbps', unit: 'Mbit/s', summary: 'what the origin sends to all together', default: 100 },
    { name: 'upload-mbps', unit: 'Mbit/s', summary: "a peer's line, up", default: 20 },
    { name: 'download-mbps', unit: 'Mbit/s', summary: "a peer's line, down", default: 100 },
    { name: 'skew', unit: 'factor', summary: 'fastest line over slowest', default: 1 },
    { name: 'rtt', unit: 'ms', summary: 'mean round trip between two peers', default: 60 },
    { name: 'arrivals', unit: 'per second', summary: 'Poisson arrivals; 0: all within a second', default: 0 },
    { name: 'churn', unit: 'share', summary: 'peers that vanish within the bound', default: 0 },
    { name: 'nat', unit: 'share', summary: 'pairs that cannot connect', default: 0.1 },
    { name: 'polluters', unit: 'share', summary: 'peers that claim all and send wrong bytes', default: 0 },
    { name: 'free-riders', unit: 'share', summary: 'peers that give nothing', default: 0 },
    { name: 'hoarders', unit: 'share', summary: 'peers that take leases and fetch nothing', default: 0 },
    { name: 'sites', unit: 'count', summary: 'sites of equal size in mode site; 0: one network', default: 0 },
    { name: 'site-mbps', unit: 'Mbit/s', summary: "a site's line, down", default: 20 },
    { name: 'signaling-ends', unit: 'copies', summary: 'sent when the signaling server ends; 0: never', default: 0 },
    { name: 'origin-ends', unit: 'copies', summary: 'sent when the origin ends; 0: never', default: 0 },
    { name: 'name', unit: 'text', summary: 'of the saved result and chart', default: 'sim' },
  ],
  saveName: ({ name = 'sim' }) => name,
  async run(numbers) {
    const scenario = scenarioOf(numbers);
    const startedMs = performance.now();
    const cpu = process.cpuUsage();
    const outcome = await simulate(scenario, (line) => process.stderr.write(`${line}\n`));
    return {
      ...resultOf(scenario, outcome),
      seconds: rounded((performance.now() - startedMs) / 1000, 1),
      cpuSeconds: rounded((process.cpuUsage(cpu).user + process.cpuUsage(cpu).system) / 1e6, 1),
      charts: [completionChart(outcome)],
    };
  },
};

function scenarioOf(numbers: Readonly<Record<string, number>>): Scenario {
  const number = (name: string): number => numbers[name] ?? 0;
  if (number('chunkKib') * KIB > MAX_FRAGMENT_BYTES) throw new RangeError('--chunk-kib: 255 is the most of one frame');
  return {
    peers: number('peers'),
    seed: number('seed'),
    chunks: number('chunks'),
    chunkBytes: number('chunkKib') * KIB,
    originMbps: number('originMbps'),
    uploadMbps: number('uploadMbps'),
    downloadMbps: number('downloadMbps'),
    skew: number('skew'),
    rttMs: number('rtt'),
    arrivals: number('arrivals'),
    churn: number('churn'),
    nat: number('nat'),
    polluters: number('polluters'),
    freeRiders: number('freeRiders'),
    hoarders: number('hoarders'),
    sites: number('sites'),
    siteMbps: number('siteMbps'),
    signalingEnds: number('signalingEnds'),
    originEnds: number('originEnds'),
  };
}

function resultOf(scenario: Scenario, outcome: Outcome): object {
  const { completionMs, boundMs, peers, originBytes, releaseBytes } = outcome;
  const sum = (value: (peer: Outcome['peers'][number]) => number): number =>
    peers.reduce((total, peer) => total + value(peer), 0);
  const over = (share: number): number =>
    rounded((completionMs[Math.ceil(share * completionMs.length) - 1] ?? Number.NaN) / boundMs);
  const received = sum(({ traffic }) => traffic.plain.peers + traffic.plain.origin);
  const polluters = peers.filter(({ plan }) => plan.role === 'polluter').length;
  return {
    originCopies: rounded(originBytes / releaseBytes),
    ...(scenario.sites === 0 ? {} : { copiesPerSite: rounded(originBytes / releaseBytes / scenario.sites) }),
    t50OverBound: over(0.5),
    t99OverBound: over(0.99),
    t100OverBound: over(1),
    uploadUse: outcome.uploadUse.map((share) => rounded(share, 2)),
    boundSeconds: rounded(boundMs / 1000),
    completed: completionMs.length,
    unfinished: outcome.unfinished,
    wasteShare: rounded(sum(({ traffic }) => traffic.plain.wasted) / received, 5),
    wrongChunks: sum(({ wrongChunks }) => wrongChunks),
    // Each ban of a polluter by a victim may have cost one chunk.
    ...(polluters === 0
      ? {}
      : {
          bans: sum(({ bans }) => bans),
          wastedChunks: rounded(sum(({ traffic }) => traffic.plain.wasted) / scenario.chunkBytes, 1),
        }),
    completionFairness: rounded(jain(completionMs.map((ms) => 1 / ms))),
    uploadFairness: rounded(
      jain(
        peers
          .filter(({ plan, counts }) => plan.role === 'honest' && counts)
          .map(({ host, plan }) => host.upload.sentBytes / plan.uploadBytesPerMs),
      ),
    ),
    events: outcome.events,
    trace: outcome.trace,
  };
}

/** Jain's index: 1 when all are equal, 1/n when one has all. */
function jain(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  return (sum * sum) / (values.length * squares);
}
