import { bulkApp } from '../../test/stage/app.ts';
import { Stage } from '../../test/stage/stage.ts';
import { type Benchmark, median, rounded } from '../benchmark.ts';
import { BareBrowser } from '../stage/bare-browser.ts';
import { idleMachine } from '../stage/idle-machine.ts';
import { NodeRawEnd } from './node-raw-end.ts';
import { connect, openEnd, receiveBytes, serveBytes } from './raw-channel.ts';

const FILE = 'bulk.bin';

export const benchmark: Benchmark = {
  summary: 'one seed to one browser, against a raw simple-peer channel: from a browser and from a Node peer',
  options: [
    { name: 'mb', unit: 'MiB', summary: 'size of the file', default: 48 },
    { name: 'pairs', unit: 'count', summary: 'measurements of each kind, alternating; the median counts', default: 5 },
  ],
  async run({ mb = 48, pairs = 5 }) {
    const bytes = mb * 1024 * 1024;
    // Random, as media and archives are to a compressor: what is measured is the path of the bytes, not deflate.
    const app = await bulkApp({ [FILE]: bytes });
    const stage = await Stage.open(app.out);
    try {
      const receiver = await BareBrowser.launch();
      const seed = await browserSeed(stage, bytes);
      const browser = await compare(pairs, bytes, {
        raw: () => rawFromBrowser(stage, seed, receiver, bytes),
        tabseed: () => download(stage, receiver, bytes),
      });
      await seed.close();
      const nodeSeed = await startNodeSeed(stage);
      const node = await compare(pairs, bytes, {
        raw: () => rawFromNode(stage, receiver, bytes),
        tabseed: () => download(stage, receiver, bytes),
      });
      await nodeSeed.close();
      await receiver.close();
      return { ...browser, node };
    } finally {
      await stage.close();
      await app.remove();
    }
  },
};

interface Sides {
  /** Seconds of one transfer. */
  raw(): Promise<number>;
  tabseed(): Promise<number>;
}

/**
 * Alternates the two sides, so that a machine that changes its speed changes both. Both rest before each transfer: what
 * starting a browser's window and page costs is no part of the path. Rates in megabits per second.
 */
async function compare(pairs: number, bytes: number, sides: Sides): Promise<object> {
  const raw: number[] = [];
  const tabseed: number[] = [];
  for (let index = 0; index < pairs; index += 1) {
    raw.push(await sides.raw());
    tabseed.push(await sides.tabseed());
    process.stderr.write(`raw ${raw.at(-1)?.toFixed(2)} s, tabseed ${tabseed.at(-1)?.toFixed(2)} s\n`);
  }
  const ratios = raw.map((seconds, index) => seconds / (tabseed[index] ?? Number.NaN));
  const mbps = (seconds: number): number => rounded((bytes * 8) / seconds / 1e6, 1);
  return {
    mbps: mbps(median(tabseed)),
    rawMbps: mbps(median(raw)),
    ratio: rounded(median(ratios)),
    ratioRange: [rounded(Math.min(...ratios)), rounded(Math.max(...ratios))],
  };
}

/** A browser that has the whole file; afterwards the origin gives neither packs nor the file. */
async function browserSeed(stage: Stage, bytes: number): Promise<BareBrowser> {
  const browser = await BareBrowser.launch();
  const page = await (await browser.newContext()).newPage();
  await page.goto(stage.url);
  await page.evaluate(async (file) => {
    await tabseed.ready;
    await tabseed.prefetch([file]);
  }, FILE);
  await page.waitForFunction((whole) => tabseed.stats().bytes.origin >= whole, bytes);
  stage.refuse = (path) => path.includes('/pack-') || path.endsWith(FILE);
  return browser;
}

async function startNodeSeed(stage: Stage): Promise<{ close(): Promise<void> }> {
  const { createNodePeer } = await import('../../src/node/index.ts');
  stage.refuse = () => false;
  const peer = await createNodePeer({ url: stage.url, store: await stage.folder(), publicKeys: undefined });
  await peer.mirrored;
  stage.refuse = (path) => path.includes('/pack-') || path.endsWith(FILE);
  return peer;
}

/** Seconds that a fresh browser's page needs to read the whole file, connected and with an empty store. */
async function download(stage: Stage, receiver: BareBrowser, bytes: number): Promise<number> {
  const context = await receiver.newContext();
  const page = await context.newPage();
  await page.goto(stage.url);
  await page.evaluate(() => tabseed.ready);
  await page.waitForFunction(() => tabseed.stats().peers > 0, undefined);
  await idleMachine();
  const { seconds, length } = await page.evaluate(async (file) => {
    const startMs = performance.now();
    const response = await fetch(file);
    let received = 0;
    if (response.body === null) throw new Error('no body');
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) received += part.value.length;
    return { seconds: (performance.now() - startMs) / 1000, length: received };
  }, FILE);
  await context.close();
  if (length !== bytes) throw new Error(`the page read ${length} bytes`);
  return seconds;
}

async function rawFromBrowser(
  stage: Stage,
  sender: BareBrowser,
  receiver: BareBrowser,
  bytes: number,
): Promise<number> {
  const contexts = [await sender.newContext(), await receiver.newContext()] as const;
  const [from, to] = [await contexts[0].newPage(), await contexts[1].newPage()];
  await Promise.all([from.goto(stage.blankUrl), to.goto(stage.blankUrl)]);
  const offer = await openEnd(from, undefined);
  await connect(from, await openEnd(to, offer));
  await serveBytes(from, bytes);
  await idleMachine();
  const seconds = await receiveBytes(to, bytes);
  await Promise.all(contexts.map((context) => context.close()));
  return seconds;
}

async function rawFromNode(stage: Stage, receiver: BareBrowser, bytes: number): Promise<number> {
  const context = await receiver.newContext();
  const page = await context.newPage();
  await page.goto(stage.blankUrl);
  const sender = await NodeRawEnd.open(bytes);
  await sender.connect(await openEnd(page, await sender.offer()));
  await idleMachine();
  const seconds = await receiveBytes(page, bytes);
  sender.close();
  await context.close();
  return seconds;
}
