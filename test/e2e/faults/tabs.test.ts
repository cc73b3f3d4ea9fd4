import type { BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium } from '../../setup/browser.ts';
import { bulkApp, demoApp, type PublishedApp } from '../../stage/app.ts';
import { Stage } from '../../stage/stage.ts';
import { oneLeader, openTab, POLL } from '../client-site.ts';
import { Download } from './download.ts';
import { type UnfocusedTab, UnfocusedWindow } from './unfocused-tab.ts';

const MIB = 1024 * 1024;
/** Two browsers start an editor here; on a busy machine that and their ICE take their time. */
const SLOW = { timeout: 90_000 };

let app: PublishedApp;
let stage: Stage;
let context: BrowserContext;

beforeAll(async () => {
  app = await bulkApp({ 'bulk.bin': 24 * MIB });
  stage = await Stage.open(app.out);
  const seeder = await openTab(await (await stage.browser()).newContext(), stage.url);
  await seeder.evaluate(() => tabseed.prefetch(['bulk.bin']));
  // From here on there are only peers: what one leader loses, the next one has to get.
  stage.refuse = (path) => path.includes('/pack-') || path === '/bulk.bin';
});

afterAll(async () => {
  await stage.close();
  await app.remove();
});

beforeEach(async () => {
  context = await (await stage.browser()).newContext();
});

afterEach(async () => {
  await context.browser()?.close();
});

interface Scene {
  readonly leader: Page;
  readonly reader: Page;
  readonly download: Download;
}

/** Two tabs of one browser: one leads, the other is in the middle of a download. */
async function downloading(holdAt?: number): Promise<Scene> {
  const tabs = [await openTab(context, stage.url), await openTab(context, stage.url)];
  const leader = await oneLeader(tabs);
  await leader.waitForFunction(() => tabseed.stats().peers > 0);
  expect(stage.server.signal?.stats().peers).toBe(2);
  const reader = tabs.find((tab) => tab !== leader);
  if (reader === undefined) throw new Error('two tabs were opened');
  const download = await Download.start(reader, 'bulk.bin', holdAt);
  await download.reached(2 * MIB);
  return { leader, reader, download };
}

async function expectWhole({ reader, download }: Scene): Promise<void> {
  expect(await download.hash()).toBe(app.hashes.get('bulk.bin'));
  await reader.waitForFunction(() => tabseed.stats().leader);
  const { bytes } = await reader.evaluate(() => tabseed.stats());
  // The page itself came from the origin, at its first visit.
  expect(bytes.origin).toBeLessThan(1000);
  await expect.poll(() => stage.server.signal?.stats().peers, POLL).toBe(2);
}

describe('a download of another tab comes through whole', () => {
  it('when the leader tab is closed', async () => {
    const scene = await downloading();
    await scene.leader.close();
    await expectWhole(scene);
  });

  it('when the leader tab crashes', async () => {
    const scene = await downloading();
    const devtools = await context.newCDPSession(scene.leader);
    const crashed = scene.leader.waitForEvent('crash');
    devtools.send('Page.crash').catch(() => undefined); // A crashed page does not answer.
    await crashed;
    await expectWhole(scene);
  });

  it('when the leader tab is frozen by the browser; thawed, it queues again', async () => {
    const browser = context.browser();
    if (browser === null) throw new Error('no browser');
    const window = await UnfocusedWindow.open(browser);
    const leader = await window.tab(stage.url);
    await leads(leader);
    const reader = await window.tab(stage.url);
    await expect.poll(() => reader.evaluate(() => tabseed.stats().peers, undefined), POLL).toBe(1);
    const download = await Download.start(reader, 'bulk.bin');
    await download.reached(2 * MIB);
    await leader.send('Page.setWebLifecycleState', { state: 'frozen' });
    expect(await download.hash()).toBe(app.hashes.get('bulk.bin'));
    await leads(reader);
    const read = () => leader.evaluate(() => [document.visibilityState, tabseed.stats().leader], undefined);
    expect(await read()).toEqual(['hidden', false]);
    await leader.send('Page.setWebLifecycleState', { state: 'active' });
    await reader.send('Page.close');
    await leads(leader);
  });

  it('when the leader tab hangs', async () => {
    const scene = await downloading(2 * MIB);
    // A long task: it would be an endless one, if the test did not have to end.
    await scene.leader.evaluate(() => {
      setTimeout(() => {
        const end = performance.now() + 4000;
        while (performance.now() < end);
      });
    });
    await scene.download.goOn();
    expect(await scene.download.hash()).toBe(app.hashes.get('bulk.bin'));
    // Who leads then depends on whether Chromium runs the worker in the process that hangs; client-tabs has the rest.
    await oneLeader([scene.leader, scene.reader]);
  });
});

async function leads(tab: UnfocusedTab): Promise<void> {
  const isLeader = () =>
    tab.evaluate(
      () => (globalThis as { tabseed?: unknown }).tabseed !== undefined && tabseed.stats().leader,
      undefined,
    );
  await expect.poll(isLeader, POLL).toBe(true);
}

describe("the demo's page", () => {
  it('enters the back/forward cache while a peer is connected, and leads and is connected again when it returns', {
    timeout: 2 * SLOW.timeout,
  }, async () => {
    const demo = await demoApp();
    const demoStage = await Stage.open(demo.out);
    const browser = await launchChromium({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
    try {
      const peer = await openTab(await (await demoStage.browser()).newContext(), demoStage.url);
      const tab = await openTab(await browser.newContext(), demoStage.url);
      await tab.waitForSelector('#problem:not([hidden])');
      await tab.waitForFunction(() => tabseed.stats().peers === 1, undefined, SLOW);
      await tab.evaluate(() => {
        addEventListener('pageshow', ({ persisted }) => {
          document.title = persisted ? 'restored' : 'loaded';
        });
      });
      // A message of the worker that arrives with the page in that cache takes it out again: figures change until all is loaded.
      let before = '';
      const isSteady = async (): Promise<boolean> => {
        const last = before;
        before = await tab.evaluate(() => JSON.stringify(tabseed.stats()));
        return before === last;
      };
      await expect.poll(isSteady, { ...SLOW, interval: 1000 }).toBe(true);
      const reasons: unknown[] = [];
      const devtools = await tab.context().newCDPSession(tab);
      await devtools.send('Page.enable');
      devtools.on('Page.backForwardCacheNotUsed', ({ notRestoredExplanations }) =>
        reasons.push(notRestoredExplanations),
      );
      await tab.goto(demoStage.blankUrl);
      await peer.waitForFunction(() => tabseed.stats().peers === 0, undefined, SLOW);
      expect(demoStage.server.signal?.stats().connections).toBe(1);
      // A restored page fires no `load` that could be waited for.
      await tab.goBack({ waitUntil: 'commit' });
      await expect.poll(async () => [await tab.title(), reasons], POLL).toEqual(['restored', []]);
      await oneLeader([tab]);
      await tab.waitForFunction(() => tabseed.stats().peers === 1, undefined, SLOW);
      await peer.waitForFunction(() => tabseed.stats().peers === 1, undefined, SLOW);
      expect(demoStage.server.signal?.stats().connections).toBe(2);
    } finally {
      await browser.close();
      await demoStage.close();
      await demo.remove();
    }
  });
});
