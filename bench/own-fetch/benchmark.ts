import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { bulkApp } from '../../test/stage/app.ts';
import { Stage } from '../../test/stage/stage.ts';
import { type Benchmark, median, rounded } from '../benchmark.ts';
import { BareBrowser, type BarePage } from '../stage/bare-browser.ts';
import { CappedLine } from '../stage/capped-line.ts';

const FILE = 'bulk.bin';
const OWN_PATH = '/own.bin';
const BYTES_PER_MIB = 1024 * 1024;
/** An upload has found the line's speed by then: Chromium measures a round trip every 2.5 s. */
const SETTLE_MS = 20_000;
const DRAIN_MS = 2000;

export const benchmark: Benchmark = {
  summary: "what a page's own fetch loses while its tab seeds at full rate over a capped line (Linux, root)",
  options: [
    { name: 'up', unit: 'Mbit/s', summary: 'line up', default: 10 },
    { name: 'down', unit: 'Mbit/s', summary: 'line down', default: 40 },
    { name: 'queue', unit: 'ms', summary: 'what waits in the line at most', default: 200 },
    { name: 'rounds', unit: 'count', summary: 'measurements of each kind, alternating; the median counts', default: 5 },
  ],
  async run({ up = 10, down = 40, queue = 200, rounds = 5 }) {
    // In mode `site` a path without latency, as here, is one in the house.
    const app = await bulkApp({ [FILE]: 64 * BYTES_PER_MIB }, { mode: 'internet' });
    const stage = await Stage.open(app.out);
    const line = CappedLine.open({ upMbps: up, downMbps: down, queueMs: queue });
    const browsers: BareBrowser[] = [];
    try {
      await line.forward(Number(new URL(stage.url).port));
      const own = randomBytes(4 * BYTES_PER_MIB);
      stage.answer = (path, _request, response) => {
        if (path !== OWN_PATH) return false;
        response.end(own);
        return true;
      };
      const launch = async (prefix: readonly string[]): Promise<BareBrowser> => {
        const browser = await BareBrowser.launch({ prefix });
        browsers.push(browser);
        return browser;
      };
      const [seedBrowser, takerBrowser] = [await launch(line.prefix), await launch([])];
      const seed = await openSeed(stage, seedBrowser);
      const idle: number[] = [];
      const seeding: number[] = [];
      const uploads: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        idle.push(await ownFetch(seed));
        const stop = await take(stage, takerBrowser);
        await delay(SETTLE_MS);
        const [sent, startMs] = [await uploaded(seed), performance.now()];
        seeding.push(await ownFetch(seed));
        uploads.push((((await uploaded(seed)) - sent) * 8) / (performance.now() - startMs) / 1000);
        await stop();
        await delay(DRAIN_MS);
        process.stderr.write(`idle ${idle.at(-1)} s, seeding ${seeding.at(-1)} s at ${uploads.at(-1)} Mbit/s\n`);
      }
      const losses = idle.map((seconds, round) => 1 - seconds / (seeding[round] ?? Number.NaN));
      return {
        lost: rounded(median(losses), 3),
        lostRange: [rounded(Math.min(...losses), 3), rounded(Math.max(...losses), 3)],
        idleSeconds: rounded(median(idle), 2),
        seedingSeconds: rounded(median(seeding), 2),
        uploadMbps: rounded(median(uploads), 1),
      };
    } finally {
      for (const browser of browsers) await browser.close();
      line.close();
      await stage.close();
      await app.remove();
    }
  },
};

/** A page in the home that has the whole file; afterwards the origin gives it to nobody. */
async function openSeed(stage: Stage, browser: BareBrowser): Promise<BarePage> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(stage.url);
  await page.evaluate(async (file) => {
    await tabseed.ready;
    await tabseed.prefetch([file]);
  }, FILE);
  stage.refuse = (path) => path.includes('/pack-') || path.endsWith(FILE);
  return page;
}

/** Somebody begins to take the file from it; returns what ends that. */
async function take(stage: Stage, browser: BareBrowser): Promise<() => Promise<void>> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(stage.url);
  await page.evaluate(() => tabseed.ready);
  await page.waitForFunction(() => tabseed.stats().peers > 0, undefined);
  await page.evaluate((file) => {
    void tabseed.prefetch([file]).catch(() => undefined);
  }, FILE);
  await page.waitForFunction(() => tabseed.stats().bytes.peers > 0, undefined);
  return () => context.close();
}

function uploaded(page: BarePage): Promise<number> {
  return page.evaluate(() => tabseed.stats().bytes.uploaded);
}

/** Seconds. */
function ownFetch(page: BarePage): Promise<number> {
  return page.evaluate(async (path) => {
    const startMs = performance.now();
    await (await fetch(path, { cache: 'no-store' })).arrayBuffer();
    return (performance.now() - startMs) / 1000;
  }, OWN_PATH);
}
