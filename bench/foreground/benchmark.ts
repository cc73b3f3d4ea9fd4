import type { BrowserContext, Page } from 'playwright';
import { Stage } from '../../test/stage/stage.ts';
import { type Benchmark, rounded } from '../benchmark.ts';
import { LatentLine } from '../stage/latent-line.ts';
import { Scripts } from '../stage/scripts.ts';
import { serversFirst } from '../stage/servers-first.ts';
import { loneTab, type Scene, type Theatre } from './scene.ts';
import { SITUATIONS } from './situations.ts';
import { type Samples, summarize } from './statistics.ts';
import { type UrgentRequest, urgentApp } from './urgent-app.ts';
import { timeUrgent } from './urgent-page.ts';

const RIVAL_WORKER = '/bench-pass-through.js';
/** The rival: a worker that does nothing but fetch, as the cheapest one there can be. */
const PASS_THROUGH = `
  addEventListener('install', () => skipWaiting());
  addEventListener('activate', (event) => event.waitUntil(clients.claim()));
  addEventListener('fetch', (event) => event.respondWith(fetch(event.request)));
`;
/** So long a start takes that fewer say enough. */
const COLD_SHARE = 0.1;

export const benchmark: Benchmark = {
  summary: 'what a page waits for, against plain HTTP, when peers, signaling or the leader fail',
  options: [
    { name: 'requests', unit: 'count', summary: 'requests of each side in each situation', default: 200 },
    { name: 'latency', unit: 'ms', summary: 'round trip to the origin', default: 20 },
    { name: 'only', unit: 'name', summary: 'one situation alone', default: '' },
  ],
  async run({ requests = 200, latency = 20 }, { only = '' }) {
    const urgent = await urgentApp(requests);
    const stage = await Stage.open(urgent.app.out);
    const unsignaled = await Stage.open(urgent.app.out, { signal: false });
    const lines = [await LatentLine.open(stage.url, latency), await LatentLine.open(unsignaled.url, latency)] as const;
    try {
      new Scripts(stage).add(RIVAL_WORKER, PASS_THROUGH);
      const [{ url }, { url: unsignaledUrl }] = lines;
      const browser = await stage.browser();
      await serversFirst(browser);
      const theatre: Theatre = { urgent, stage, browser, url, unsignaledUrl };
      const cases: Record<string, object> = {};
      for (const situation of SITUATIONS) {
        if (only !== '' && only !== situation.name) continue;
        cases[situation.name] = await rehearse(theatre, await situation.open(theatre), urgent.requests, false);
        process.stderr.write(`${situation.name} ${JSON.stringify(cases[situation.name])}\n`);
      }
      const few = urgent.requests.slice(0, Math.ceil(requests * COLD_SHARE));
      const alone = await loneTab(await theatre.browser.newContext(), url);
      const coldStart = await rehearse(theatre, alone, few, true);
      return { cases, coldStart };
    } finally {
      for (const line of lines) await line.close();
      await stage.close();
      await unsignaled.close();
      await urgent.app.remove();
    }
  },
};

/** Both sides in turn, each first as often as second. */
async function rehearse(
  theatre: Theatre,
  scene: Scene,
  requests: readonly UrgentRequest[],
  isCold: boolean,
): Promise<object> {
  const rival = await openRival(theatre);
  const samples: { [Side in keyof Samples]: number[] } = { tabseed: [], http: [] };
  const bytes = { peers: 0, origin: 0, wasted: 0 };
  for (const [index, request] of requests.entries()) {
    await scene.refresh?.();
    const sides = [
      ['tabseed', scene.page],
      ['http', rival.page],
    ] as const;
    for (const [side, page] of index % 2 === 0 ? sides : sides.toReversed()) {
      if (isCold) await stopWorkers(page);
      samples[side].push(await timeUrgent(page, request));
    }
  }
  const stats = await scene.page.evaluate(() => tabseed.stats().bytes);
  for (const source of ['peers', 'origin', 'wasted'] as const) bytes[source] = rounded(stats[source] / 1e6);
  await rival.context.close();
  await scene.close();
  return { ...summarize(samples), megabytes: bytes };
}

async function openRival({ browser, stage, url }: Theatre): Promise<{ page: Page; context: BrowserContext }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(stage.blankUrl.replace(stage.url, url));
  await page.evaluate(async (script) => {
    const controlled = new Promise((resolve) => {
      navigator.serviceWorker.addEventListener('controllerchange', resolve);
    });
    await navigator.serviceWorker.register(script);
    await controlled;
  }, RIVAL_WORKER);
  return { page, context };
}

async function stopWorkers(page: Page): Promise<void> {
  const devTools = await page.context().newCDPSession(page);
  await devTools.send('ServiceWorker.enable');
  await devTools.send('ServiceWorker.stopAllWorkers');
  await devTools.detach();
}
