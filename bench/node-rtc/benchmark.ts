import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright';
import type { RtcLibrary } from '../../src/node/rtc-library.ts';
import { launchChromium } from '../../test/setup/browser.ts';
import { type Benchmark, median, rounded } from '../benchmark.ts';
import { churn } from './churn.ts';
import { connect, End } from './end.ts';
import { exchangeWithPage } from './page-end.ts';

const LIBRARIES: readonly RtcLibrary[] = ['wrtc', 'datachannel'];
const LIMIT_MS = 60_000;

export const benchmark: Benchmark = {
  summary: 'WebRTC for Node, @roamhq/wrtc and node-datachannel: speed, memory with connections, and a churn of them',
  options: [
    { name: 'mb', unit: 'MiB', summary: 'sent in one direction by each measurement of speed', default: 48 },
    { name: 'pairs', unit: 'count', summary: 'measurements of each kind, alternating; 0 leaves speed out', default: 5 },
    { name: 'links', unit: 'count', summary: 'connections at once for memory; 0 leaves it out', default: 60 },
    { name: 'minutes', unit: 'minutes', summary: 'of churn for each library; 0 leaves it out', default: 1 },
    { name: 'pause-ms', unit: 'ms', summary: 'between the connections of the churn', default: 0 },
  ],
  async run({ mb = 48, pairs = 5, links = 60, minutes = 1, pauseMs = 0 }) {
    const speed = pairs > 0 ? await measureSpeed(mb * 1024 * 1024, pairs) : undefined;
    const memory: Partial<Record<RtcLibrary, object>> = {};
    for (const library of links > 0 ? LIBRARIES : []) memory[library] = await measureMemory(library, links);
    // Side by side: both see the same machine, whatever else it does.
    const ran = await Promise.all(
      LIBRARIES.map((library) =>
        minutes > 0 ? churn(library, minutes * 60_000, pauseMs) : Promise.resolve(undefined),
      ),
    );
    const results: Record<string, object> = {};
    for (const [index, library] of LIBRARIES.entries()) {
      results[library] = { mbps: speed?.[library], memory: memory[library], churn: ran[index] };
    }
    return results;
  },
};

type Rates = Record<'nodeToNode' | 'nodeToChromium' | 'chromiumToNode', number[]>;

/** Median megabits per second of each way, the libraries in turn. */
async function measureSpeed(bytes: number, pairs: number): Promise<Record<RtcLibrary, Record<keyof Rates, number>>> {
  const noRates = (): Rates => ({ nodeToNode: [], nodeToChromium: [], chromiumToNode: [] });
  const rates: Record<RtcLibrary, Rates> = { wrtc: noRates(), datachannel: noRates() };
  const mbps = (seconds: number): number => (bytes * 8) / seconds / 1e6;
  const server = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>blank</title>');
  }).listen(0, '127.0.0.1');
  const browser: Browser = await launchChromium();
  const blankUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    for (let index = 0; index < pairs; index += 1) {
      for (const library of LIBRARIES) {
        const { toPage, fromPage } = await exchangeWithPage(library, browser, blankUrl, bytes);
        rates[library].nodeToNode.push(mbps(await nodeToNode(library, bytes)));
        rates[library].nodeToChromium.push(mbps(toPage));
        rates[library].chromiumToNode.push(mbps(fromPage));
        const last = Object.entries(rates[library]).map(([way, all]) => `${way} ${all.at(-1)?.toFixed(0)}`);
        process.stderr.write(`${library}: ${last.join(', ')} Mbit/s\n`);
      }
    }
  } finally {
    await browser.close();
    server.close();
  }
  const medians = ({ nodeToNode: between, nodeToChromium, chromiumToNode }: Rates): Record<keyof Rates, number> => ({
    nodeToNode: rounded(median(between), 0),
    nodeToChromium: rounded(median(nodeToChromium), 0),
    chromiumToNode: rounded(median(chromiumToNode), 0),
  });
  return { wrtc: medians(rates.wrtc), datachannel: medians(rates.datachannel) };
}

async function nodeToNode(library: RtcLibrary, bytes: number): Promise<number> {
  const [left, right] = await Promise.all([End.start(library), End.start(library)]);
  try {
    await connect(left, right, 0, LIMIT_MS);
    const arrived = right.next('received', (report) => report.bytes >= bytes, LIMIT_MS);
    const startMs = performance.now();
    left.tell({ type: 'send', link: 0, bytes });
    await arrived;
    return (performance.now() - startMs) / 1000;
  } finally {
    left.stop();
    right.stop();
  }
}

/** RSS of a process without connections, with all of them open, each having sent 1 MiB, and after their end. */
async function measureMemory(library: RtcLibrary, links: number): Promise<object> {
  const [left, right] = await Promise.all([End.start(library), End.start(library)]);
  const megabytes = async (): Promise<number> => rounded((await left.rssBytes()) / 1e6, 1);
  try {
    const idleMB = await megabytes();
    for (let link = 0; link < links; link += 1) {
      await connect(left, right, link, LIMIT_MS);
      const arrived = right.next('received', (report) => report.link === link, LIMIT_MS);
      left.tell({ type: 'send', link, bytes: 1024 * 1024 });
      await arrived;
    }
    const openMB = await megabytes();
    for (let link = 0; link < links; link += 1) {
      const closed = [left, right].map((end) => end.next('closed', (report) => report.link === link, LIMIT_MS));
      left.tell({ type: 'close', link });
      await Promise.all(closed);
    }
    return { links, idleMB, openMB, closedMB: await megabytes() };
  } catch (error) {
    return { links, failed: left.death ?? right.death ?? String(error) };
  } finally {
    left.stop();
    right.stop();
  }
}
