import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bulkApp, type PublishedApp } from '../../stage/app.ts';
import { Stage } from '../../stage/stage.ts';
import { oneLeader, openTab, POLL, storedChunks } from '../client-site.ts';
import { spoilStore, stopWorkers } from '../worker/site.ts';
import { Download } from './download.ts';

const MIB = 1024 * 1024;
const FILES = { 'bulk.bin': 8 * MIB, 'small.bin': 200_000 };

let app: PublishedApp;
let stage: Stage;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  app = await bulkApp(FILES);
  stage = await Stage.open(app.out);
  browser = await stage.browser();
});

afterAll(async () => {
  await stage.close();
  await app.remove();
});

beforeEach(async () => {
  context = await browser.newContext();
});

afterEach(async () => {
  await context.close();
});

async function expectWhole(tab: Page, path: keyof typeof FILES = 'bulk.bin'): Promise<void> {
  const download = await Download.start(tab, path);
  expect(await download.hash()).toBe(app.hashes.get(path));
}

describe('chunks corrupted in IndexedDB', () => {
  it('reach neither the page nor a peer, and are fetched again', async () => {
    const tab = await openTab(context, stage.url);
    await oneLeader([tab]);
    await tab.evaluate(() => tabseed.prefetch(['bulk.bin']));
    const other = await browser.newContext();
    const peer = await openTab(other, stage.url);
    await peer.waitForFunction(() => tabseed.stats().peers === 1);
    await peer.evaluate(() => {
      tabseed.on('error', ({ code }) => {
        document.title = code;
      });
    });
    expect(await spoilStore(tab, 'damage')).toBeGreaterThan(50);
    await expectWhole(peer);
    await expectWhole(tab);
    // A disk that lies makes its owner refuse what it has announced: nobody is banned for that.
    expect(await peer.title()).toBe('bulk');
    await other.close();
  });
});

describe('a full quota', () => {
  it('costs the store, not the page: what does not fit is delivered all the same', async () => {
    const tab = await context.newPage();
    await tab.goto(stage.blankUrl);
    const devtools = await context.newCDPSession(tab);
    await devtools.send('Storage.overrideQuotaForOrigin', { origin: stage.url, quotaSize: 2 * MIB });
    await tab.goto(stage.url);
    await tab.evaluate(() => tabseed.ready);
    await expectWhole(tab);
    await expectWhole(tab);
    // 64 KiB a chunk: what is stored is a part.
    expect(await storedChunks(tab)).toBeLessThan(60);
  });
});

describe('a browser without IndexedDB', () => {
  it.each([
    ['is forbidden', "throw new DOMException('blocked', 'SecurityError');"],
    ['never answers', 'return { open: () => ({}) };'],
  ])('that %s is served from peers and the origin, and gives its own share to peers', async (_, body) => {
    const prelude = `Object.defineProperty(self, 'indexedDB', { get() { ${body} } });\n`;
    const broken = await bulkApp(FILES, { workerPrelude: prelude });
    const brokenStage = await Stage.open(broken.out);
    try {
      await context.addInitScript(prelude);
      const tab = await openTab(context, brokenStage.url);
      for (let time = 0; time < 2; time += 1) {
        const download = await Download.start(tab, 'bulk.bin');
        expect(await download.hash()).toBe(broken.hashes.get('bulk.bin'));
      }
      await tab.evaluate(() => tabseed.prefetch(['small.bin']));
      await expect.poll(() => brokenStage.server.signal?.stats().peers, POLL).toBe(1);
    } finally {
      await context.close();
      await brokenStage.close();
      await broken.remove();
    }
  });
});

describe('storage wiped under a running tab', () => {
  it('is filled again, in the middle of a download and when the worker has forgotten everything too', async () => {
    const tab = await openTab(context, stage.url);
    await oneLeader([tab]);
    const devtools = await context.newCDPSession(tab);
    const wipe = (storageTypes: string) =>
      devtools.send('Storage.clearDataForOrigin', { origin: stage.url, storageTypes });
    const download = await Download.start(tab, 'bulk.bin');
    await download.reached(2 * MIB);
    await wipe('indexeddb,cache_storage');
    expect(await download.hash()).toBe(app.hashes.get('bulk.bin'));
    await expectWhole(tab);
    await wipe('indexeddb,cache_storage');
    await stopWorkers(context, tab);
    await expectWhole(tab);
    // Now the worker's registration as well: the tab keeps running, and the next load begins anew.
    await wipe('all');
    await expectWhole(tab);
    await tab.reload();
    await tab.evaluate(() => tabseed.ready);
    await expectWhole(tab);
    stage.refuse = (path) => path.endsWith('bulk.bin') || path.includes('/pack-');
    await expectWhole(tab);
    stage.refuse = () => false;
  });
});

describe('a private window', () => {
  it('is served like any other, finds nothing of an earlier one, and leaves nothing behind', async () => {
    // What Playwright calls a context is what Chromium opens for a private window: storage in memory alone.
    const databases = (tab: Page) => tab.evaluate(async () => (await indexedDB.databases()).length);
    for (let visit = 0; visit < 2; visit += 1) {
      const window = await browser.newContext();
      const tab = await window.newPage();
      await tab.goto(stage.blankUrl);
      expect(await databases(tab)).toBe(0);
      await tab.goto(stage.url);
      await tab.evaluate(() => tabseed.ready);
      await expectWhole(tab);
      expect(await databases(tab)).toBe(1);
      await window.close();
    }
  });
});
