import { setTimeout as delay } from 'node:timers/promises';
import { type Benchmark, rounded } from '../benchmark.ts';
import { installRivals, Tracker } from '../rivals/rivals.ts';
import { CommandProcess } from '../stage/command.ts';
import { cpuSeconds, residentBytes } from '../stage/process-usage.ts';
import type { DialectName } from './dialect.ts';
import { Load } from './load.ts';

/** What joining leaves behind is collected by then. */
const SETTLE_MS = 3000;

export const benchmark: Benchmark = {
  summary: 'the signaling server and bittorrent-tracker under load: memory a peer, joins and relays a second',
  options: [
    { name: 'peers', unit: 'count', summary: 'clients that join and stay', default: 15_000 },
    { name: 'seconds', unit: 'seconds', summary: 'how long messages are relayed', default: 10 },
  ],
  async run({ peers = 15_000, seconds = 10 }) {
    installRivals();
    const isReady = ({ url }: { url?: string }): boolean => url !== undefined;
    const { command, line } = await CommandProcess.start<{ url: string }>(['signal', '--port', '0'], isReady);
    const tabseed = await measure({ pid: command.pid, url: line.url, dialect: 'tabseed', peers, seconds });
    await command.close();
    const rival = await Tracker.start();
    const tracker = await measure({ pid: rival.pid, url: rival.url, dialect: 'tracker', peers, seconds });
    rival.close();
    return {
      ...tabseed,
      tracker,
      relaysRatio: rounded(tabseed.relaysPerSecond / tracker.relaysPerSecond),
      relaysPerCpuSecondRatio: rounded(tabseed.relaysPerCpuSecond / tracker.relaysPerCpuSecond),
    };
  },
};

interface Trial {
  readonly pid: number;
  readonly url: string;
  readonly dialect: DialectName;
  readonly peers: number;
  readonly seconds: number;
}

interface Figures {
  readonly rssPerPeerKB: number;
  readonly joinsPerSecond: number;
  readonly relaysPerSecond: number;
  /** By the server's own CPU time: the clients of the load use the same cores. */
  readonly relaysPerCpuSecond: number;
  readonly p99Ms: number;
}

async function measure({ pid, url, dialect, peers, seconds }: Trial): Promise<Figures> {
  const idleBytes = residentBytes(pid);
  const load = new Load(url, dialect, peers);
  try {
    const joinSeconds = await load.join();
    await delay(SETTLE_MS);
    const joinedBytes = residentBytes(pid);
    const cpuBefore = cpuSeconds(pid);
    const latenciesMs = (await load.relay(seconds)).sort((a, b) => a - b);
    const figures = {
      rssPerPeerKB: rounded((joinedBytes - idleBytes) / peers / 1000, 1),
      joinsPerSecond: rounded(peers / joinSeconds, 0),
      relaysPerSecond: rounded(latenciesMs.length / seconds, 0),
      relaysPerCpuSecond: rounded(latenciesMs.length / (cpuSeconds(pid) - cpuBefore), 0),
      p99Ms: rounded(latenciesMs[Math.ceil(latenciesMs.length * 0.99) - 1] ?? Number.NaN, 1),
    };
    process.stderr.write(`${dialect} ${JSON.stringify(figures)}\n`);
    return figures;
  } finally {
    load.close();
  }
}
