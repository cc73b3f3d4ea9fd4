import { setTimeout as delay } from 'node:timers/promises';
import type { RtcLibrary } from '../../src/node/rtc-library.ts';
import { rounded } from '../benchmark.ts';
import { connect, End } from './end.ts';

const SENT_BYTES = 1024 * 1024;
/** Ten times what the slowest step takes on a busy machine. */
const STEP_LIMIT_MS = 20_000;
const MEASURED_EVERY = 50;

export interface Churn {
  readonly minutes: number;
  readonly connections: number;
  readonly connectionsPerMinute: number;
  /** Ends that died by themselves, and how. */
  readonly crashes: readonly string[];
  /** Steps that did not come to an end in 20 s, and how they are called. */
  readonly hangs: readonly string[];
  /** Of the calling end, after the first fifty connections and at the end. */
  readonly rssMBStart: number;
  readonly rssMBEnd: number;
  /** Over connections that one process had after its first fifty. */
  readonly growthKBPerConnection: number;
}

/** Connects two processes, sends 1 MiB, closes, and again. A process that died or hangs is replaced. */
export async function churn(library: RtcLibrary, milliseconds: number, pauseMs: number): Promise<Churn> {
  const startMs = performance.now();
  const crashes: string[] = [];
  const hangs: string[] = [];
  const rss: { connections: number; bytes: number }[] = [];
  let connections = 0;
  let ends = await startEnds(library);
  let sinceStart = 0;
  while (performance.now() - startMs < milliseconds) {
    try {
      await oneConnection(ends, connections);
      sinceStart += 1;
      connections += 1;
      if (sinceStart % MEASURED_EVERY === 0) {
        rss.push({ connections: sinceStart, bytes: await ends[0].rssBytes() });
        const minutes = (performance.now() - startMs) / 60_000;
        const megabytes = rounded((rss.at(-1)?.bytes ?? 0) / 1e6, 1);
        process.stderr.write(`${library}: ${connections} connections in ${minutes.toFixed(1)} min, ${megabytes} MB\n`);
      }
    } catch (error) {
      // An end that dies is told of a moment later.
      await delay(500);
      const deaths = ends.flatMap(({ death }) => (death === undefined ? [] : [death]));
      if (deaths.length > 0) crashes.push(...deaths);
      else hangs.push(error instanceof Error ? error.message : String(error));
      for (const end of ends) end.stop();
      ends = await startEnds(library);
      sinceStart = 0;
    }
    await delay(pauseMs);
  }
  for (const end of ends) end.stop();
  const minutes = (performance.now() - startMs) / 60_000;
  const first = rss[0];
  const last = rss.at(-1);
  const grown = first === undefined || last === undefined ? Number.NaN : last.bytes - first.bytes;
  const between = first === undefined || last === undefined ? Number.NaN : last.connections - first.connections;
  return {
    minutes: rounded(minutes, 1),
    connections,
    connectionsPerMinute: rounded(connections / minutes, 1),
    crashes,
    hangs,
    rssMBStart: rounded((first?.bytes ?? Number.NaN) / 1e6, 1),
    rssMBEnd: rounded((last?.bytes ?? Number.NaN) / 1e6, 1),
    growthKBPerConnection: rounded(grown / between / 1000, 1),
  };
}

function startEnds(library: RtcLibrary): Promise<[End, End]> {
  return Promise.all([End.start(library), End.start(library)]);
}

async function oneConnection([left, right]: readonly [End, End], link: number): Promise<void> {
  await connect(left, right, link, STEP_LIMIT_MS);
  const arrived = right.next('received', ({ bytes }) => bytes >= SENT_BYTES, STEP_LIMIT_MS);
  left.tell({ type: 'send', link, bytes: SENT_BYTES });
  await arrived;
  const closed = Promise.all([left, right].map((end) => end.next('closed', () => true, STEP_LIMIT_MS)));
  left.tell({ type: 'close', link });
  await closed;
}
