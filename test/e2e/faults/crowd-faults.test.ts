import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { bulkApp, type PublishedApp } from '../../stage/app.ts';
import { CappedOrigin } from '../../stage/capped-origin.ts';
import { Stage } from '../../stage/stage.ts';

const FILE_BYTES = 8 * 1024 * 1024;
/** So slow that the crowd is not done before anything can happen to it. */
const ORIGIN_MBPS = 16;
const PEERS = 6;
const KILLED = 2;
const POLL_MS = 10;
const CONNECTED_MS = 30_000;

let app: PublishedApp;
let stage: Stage;
let browser: Browser;
let pages: Page[];

const isContent = (path: string): boolean => path === '/bulk.bin' || path.includes('/tabseed/pack-');

beforeAll(async () => {
  app = await bulkApp({ 'bulk.bin': FILE_BYTES });
});

/** Browsers that know each other and have nothing. */
beforeEach(async () => {
  stage = await Stage.open(app.out);
  new CappedOrigin(stage, ORIGIN_MBPS, isContent);
  browser = await stage.browser();
  pages = await Promise.all(
    Array.from({ length: PEERS }, async () => {
      const page = await (await browser.newContext()).newPage();
      await page.goto(stage.url);
      await page.evaluate(() => tabseed.ready);
      return page;
    }),
  );
  for (const page of pages) {
    await page.waitForFunction((others) => tabseed.stats().peers >= others, PEERS - 1, { timeout: CONNECTED_MS });
  }
});

afterEach(() => stage.close());

afterAll(() => app.remove());

/** Everybody asks for the file at once; resolves with what it hashes to. */
function download(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const body = await (await fetch('/bulk.bin')).arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  });
}

function copies(): number {
  return stage.served(isContent).reduce((sum, { bytes }) => sum + bytes, 0) / FILE_BYTES;
}

/** How much of the packs has left the origin at least once. */
function sentShare(): number {
  const ranges = stage
    .served((path) => path.includes('/tabseed/pack-'))
    .filter(({ complete }) => complete)
    .map(({ path, range }) => [path, ...(range ?? '').replace('bytes=', '').split('-').map(Number)] as const)
    .sort(([a, first = 0], [b, second = 0]) => a.localeCompare(b) || first - second);
  let sent = 0;
  let [pack, end] = ['', 0];
  for (const [path, first = 0, last = 0] of ranges) {
    if (path !== pack) [pack, end] = [path, 0];
    sent += Math.max(0, last + 1 - Math.max(first, end));
    end = Math.max(end, last + 1);
  }
  return sent / FILE_BYTES;
}

async function untilSent(share: number): Promise<void> {
  await expect.poll(sentShare, { interval: POLL_MS, timeout: CONNECTED_MS }).toBeGreaterThanOrEqual(share);
}

async function crash(page: Page): Promise<void> {
  const gone = page.waitForEvent('crash');
  const devTools = await page.context().newCDPSession(page);
  // Nobody is left to answer.
  devTools.send('Page.crash').catch(() => undefined);
  await gone;
}

async function expectWhole(downloads: readonly Promise<string>[]): Promise<void> {
  const hashes = await Promise.all(downloads);
  expect(new Set(hashes)).toEqual(new Set([app.hashes.get('bulk.bin')]));
}

describe('browsers that start together', () => {
  it('complete when a third of them are killed on the way', async () => {
    const random = new SeededRandom(testSeed());
    const moments = Array.from({ length: KILLED }, () => 0.1 + 0.6 * random.next()).sort();
    const downloads = pages.map((page) => download(page));
    const lost = downloads.splice(0, KILLED);
    for (const one of lost) one.catch(() => undefined);
    for (const [index, share] of moments.entries()) {
      await untilSent(share);
      await crash(pages[index] as Page);
    }
    await expectWhole(downloads);
    expect(copies()).toBeLessThanOrEqual(1.2);
  });

  it('complete when the signaling server ends in the middle', async () => {
    const downloads = pages.map((page) => download(page));
    await untilSent(0.3);
    await stage.server.signal?.close();
    await expectWhole(downloads);
    expect(copies()).toBeLessThanOrEqual(1.2);
  });

  it('complete when the origin is gone once it has sent one copy', async () => {
    const downloads = pages.map((page) => download(page));
    await untilSent(1);
    stage.refuse = () => true;
    await expectWhole(downloads);
    expect(copies()).toBeLessThanOrEqual(1.2);
  });
});
