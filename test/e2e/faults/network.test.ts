import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium } from '../../setup/browser.ts';
import { bulkApp, type PublishedApp } from '../../stage/app.ts';
import { Stage } from '../../stage/stage.ts';
import { oneLeader, openTab } from '../client-site.ts';
import { Download } from './download.ts';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
const FILES = { 'bulk.bin': 16 * MIB, 'small.js': 200_000 };

let app: PublishedApp;
let stage: Stage;
let browser: Browser;

beforeAll(async () => {
  [app, browser] = await Promise.all([bulkApp(FILES), launchChromium()]);
});

beforeEach(async () => {
  stage = await Stage.open(app.out);
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await stage.close();
});

afterAll(async () => {
  await browser.close();
  await app.remove();
});

/** Another user: a context has storage of its own. */
function newContext(options?: BrowserContextOptions): Promise<BrowserContext> {
  return browser.newContext(options);
}

/** A tab of another user, that has everything. */
async function seeder(): Promise<Page> {
  const tab = await openTab(await newContext(), stage.url);
  await tab.evaluate(() => tabseed.prefetch(['bulk.bin']));
  return tab;
}

async function expectWhole(tab: Page): Promise<void> {
  const download = await Download.start(tab, 'bulk.bin');
  expect(await download.hash()).toBe(app.hashes.get('bulk.bin'));
}

describe('a peer', () => {
  it('killed mid-chunk: the rest comes from the origin', async () => {
    const peer = await seeder();
    const tab = await openTab(await newContext(), stage.url);
    await tab.waitForFunction(() => tabseed.stats().peers === 1);
    const download = await Download.start(tab, 'bulk.bin');
    await download.reached(1);
    const devtools = await peer.context().newCDPSession(peer);
    const crashed = peer.waitForEvent('crash');
    // Its process ends at once: no goodbye, and what it was sending breaks off.
    devtools.send('Page.crash').catch(() => undefined);
    await crashed;
    expect(await download.hash()).toBe(app.hashes.get('bulk.bin'));
    expect(await download.attempts()).toBe(1);
    const { bytes } = await tab.evaluate(() => tabseed.stats());
    expect([bytes.peers > 0, bytes.origin > 0]).toEqual([true, true]);
    await tab.waitForFunction(() => tabseed.stats().peers === 0);
  });
});

describe('a browser in which WebRTC is blocked', () => {
  it('leads without RTCPeerConnection: the origin is asked once for all tabs, and no signaling server', async () => {
    await seeder();
    const context = await newContext();
    await context.addInitScript(() => Reflect.deleteProperty(globalThis, 'RTCPeerConnection'));
    const tab = await openTab(context, stage.url);
    await oneLeader([tab]);
    await expectWhole(tab);
    const { bytes, peers } = await tab.evaluate(() => tabseed.stats());
    expect([peers, bytes.peers]).toEqual([0, 0]);
    expect(stage.server.signal?.stats().connections).toBe(1);
  });

  it('by a policy that allows no UDP is served by the origin, while its peer goes on', async () => {
    const peer = await seeder();
    const strict = await launchChromium({ args: ['--webrtc-ip-handling-policy=disable_non_proxied_udp'] });
    try {
      const tab = await openTab(await strict.newContext(), stage.url);
      await expectWhole(tab);
      const { bytes, peers } = await tab.evaluate(() => tabseed.stats());
      expect([peers, bytes.peers]).toEqual([0, 0]);
      await expectWhole(peer);
    } finally {
      await strict.close();
    }
  });
});

describe('a clock that is wrong by a day', () => {
  it.each([
    ['fast', DAY_MS],
    ['slow', -DAY_MS],
  ])('and %s changes nothing: the release is installed, and comes from a peer', async (_, shiftMs) => {
    // Chromium takes the time from the machine, which a test must not change: page and worker are given another Date.
    const wrongClock = `{
      const Real = Date;
      self.Date = class extends Real {
        constructor(...parts) { if (parts.length > 0) super(...parts); else super(Real.now() + ${shiftMs}); }
        static now() { return Real.now() + ${shiftMs}; }
      };
    }\n`;
    const late = await bulkApp(FILES, { workerPrelude: wrongClock });
    const lateStage = await Stage.open(late.out);
    try {
      const [one, two] = [await newContext(), await newContext()];
      await one.addInitScript(wrongClock);
      const tabs = [await openTab(one, lateStage.url), await openTab(two, lateStage.url)];
      for (const tab of tabs) {
        const download = await Download.start(tab, 'bulk.bin');
        expect(await download.hash()).toBe(late.hashes.get('bulk.bin'));
        expect((await tab.evaluate(() => tabseed.stats())).release?.sequence).toBe(late.manifest.sequence);
        await tab.evaluate(() => tabseed.prefetch(['bulk.bin']));
        lateStage.refuse = (path) => path.includes('/pack-') || path === '/bulk.bin';
      }
    } finally {
      await lateStage.close();
      await late.remove();
    }
  });
});

describe('no source at all', () => {
  it('is the same network error that the page would get without Tabseed', async () => {
    const plain = await (await newContext({ serviceWorkers: 'block' })).newPage();
    await plain.goto(stage.url);
    const tab = await openTab(await newContext(), stage.url);
    await oneLeader([tab]);
    stage.refuse = () => false;
    await stage.server.close();
    const errors = (page: Page) =>
      page.evaluate(async () => {
        const failed = async (path: string, init?: RequestInit): Promise<string> => {
          try {
            return `answered ${(await fetch(path, init)).status}`;
          } catch (error) {
            return `${(error as Error).constructor.name} ${String(error)}`;
          }
        };
        const ofElement = (element: HTMLElement & { src: string }): Promise<string> =>
          new Promise((resolve) => {
            for (const type of ['load', 'error']) {
              element.addEventListener(type, (event) => resolve(`${event.constructor.name} ${event.type}`));
            }
            element.src = 'small.js';
            document.body.append(element);
          });
        return [
          await failed('bulk.bin'),
          await failed('small.js'),
          await failed('bulk.bin', { headers: { Range: 'bytes=100-200' } }),
          await failed('small.js', { cache: 'no-store' }),
          await failed('no-file-of-the-release'),
          await ofElement(document.createElement('script')),
          await ofElement(document.createElement('img')),
          await ofElement(document.createElement('video')),
        ];
      });
    const withTabseed = await errors(tab);
    expect(withTabseed).toEqual(await errors(plain));
    expect(withTabseed[0]).toBe('TypeError TypeError: Failed to fetch');
    expect(withTabseed[5]).toBe('Event error');
  });
});
