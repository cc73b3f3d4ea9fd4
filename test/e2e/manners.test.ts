import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PublishOptions } from '../../src/publisher/index.ts';
import { launchChromium } from '../setup/browser.ts';
import type { PublishedApp } from '../stage/app.ts';
import { Stage } from '../stage/stage.ts';
import { oneLeader, openTab, POLL, page, site } from './client-site.ts';
import { type Contacts, connectionsOf, watchContacts } from './contacts.ts';

const FILE_BYTES = 2_000_000;
const FILES = {
  'index.html': page('manners'),
  'one.bin': counted('1'),
  'two.bin': counted('2'),
};

/** Text of which no two pieces are the same: each chunk counts once. */
function counted(mark: string): string {
  const words = Array.from({ length: FILE_BYTES / 8 }, (_, index) => mark + index.toString().padStart(7));
  return words.join('');
}

let browser: Browser;
const apps: PublishedApp[] = [];
const stages: Stage[] = [];
const contexts: BrowserContext[] = [];

beforeAll(async () => {
  browser = await launchChromium();
});

afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  for (const stage of stages.splice(0)) await stage.close();
  for (const app of apps.splice(0)) await app.remove();
});

afterAll(async () => {
  await browser.close();
});

async function open(options: Partial<PublishOptions>): Promise<Stage> {
  const app = await site(FILES, options);
  apps.push(app);
  const stage = await Stage.open(app.out);
  stages.push(stage);
  return stage;
}

interface Visitor {
  readonly context: BrowserContext;
  readonly contacts: Contacts;
  readonly tab: Page;
}

/** Somebody with a browser of their own. */
async function visitor(stage: Stage, prepare?: (context: BrowserContext) => Promise<unknown>): Promise<Visitor> {
  const context = await browser.newContext();
  contexts.push(context);
  const contacts = await watchContacts(context);
  await prepare?.(context);
  const tab = await openTab(context, stage.url);
  await oneLeader([tab]);
  return { context, contacts, tab };
}

/** Loads a file and says its length. */
function load(tab: Page, path: string): Promise<number> {
  return tab.evaluate(async (url) => (await (await fetch(url)).arrayBuffer()).byteLength, path);
}

function peers(tab: Page): Promise<number> {
  return tab.evaluate(() => tabseed.stats().peers);
}

function bytes(tab: Page, kind: 'peers' | 'origin' | 'uploaded'): Promise<number> {
  return tab.evaluate((name) => tabseed.stats().bytes[name], kind);
}

const joined = (stage: Stage): number | undefined => stage.server.signal?.stats().peers;

describe('a browser contacts', () => {
  it('nobody but the origin in mode off', async () => {
    const stage = await open({ mode: 'off' });
    const both = [await visitor(stage), await visitor(stage)];
    for (const { tab, contacts } of both) {
      expect(await load(tab, 'one.bin')).toBe(FILE_BYTES);
      await tab.evaluate(() => tabseed.checkForUpdate());
      await tab.evaluate(() => tabseed.prefetch(['two.bin']));
      expect(await connectionsOf(tab)).toEqual([]);
      expect([contacts.sockets, [...contacts.hosts]]).toEqual([[], [new URL(stage.url).host]]);
    }
    expect(stage.server.signal?.stats().connections).toBe(0);
  });

  it('nobody but the origin before consent, then who is named in the release, and nobody again after a no', async () => {
    const stage = await open({ consent: 'ask' });
    const { host } = new URL(stage.url);
    const both = [await visitor(stage), await visitor(stage)] as const;
    const [one, two] = both;
    for (const { tab, contacts } of both) {
      await tab.waitForFunction(() => tabseed.stats().consent === 'wanted');
      expect(await load(tab, 'one.bin')).toBe(FILE_BYTES);
      expect(await connectionsOf(tab)).toEqual([]);
      expect([contacts.sockets, [...contacts.hosts]]).toEqual([[], [host]]);
    }
    expect(stage.server.signal?.stats().connections).toBe(0);

    for (const { tab } of both) await tab.evaluate(() => tabseed.consent('all'));
    for (const { tab } of both) await tab.waitForFunction(() => tabseed.stats().peers === 1);
    for (const { tab, contacts } of both) {
      expect(await connectionsOf(tab)).toEqual([{ closed: false, iceServers: [] }]);
      expect(contacts.sockets).toEqual([`${stage.url.replace('http', 'ws')}/tabseed/signal`]);
      expect([...contacts.hosts]).toEqual([host]);
    }

    await one.tab.evaluate(() => tabseed.consent('none'));
    await expect.poll(() => peers(two.tab), POLL).toBe(0);
    await expect.poll(async () => (await connectionsOf(one.tab)).every(({ closed }) => closed), POLL).toBe(true);
    await expect.poll(() => joined(stage), POLL).toBe(1);
    // The answer is kept: neither this tab after a reload nor a new one contacts anybody.
    await one.tab.reload();
    await one.tab.evaluate(() => tabseed.ready);
    const second = await openTab(one.context, stage.url);
    expect(await load(second, 'two.bin')).toBe(FILE_BYTES);
    expect(await second.evaluate(() => tabseed.stats().consent)).toBe('none');
    expect([one.contacts.sockets.length, joined(stage)]).toEqual([1, 1]);
    expect([...(await connectionsOf(one.tab)), ...(await connectionsOf(second))]).toEqual([]);
    // It can be changed in any tab.
    await second.evaluate(() => tabseed.consent('downloads'));
    await one.tab.waitForFunction(() => tabseed.stats().consent === 'downloads');
    await expect.poll(() => joined(stage), POLL).toBe(2);
  });

  it('nobody but the origin on a line that is paid by the byte, for as long as it is', async () => {
    const stage = await open({});
    const stays = await visitor(stage);
    const { tab, contacts } = await visitor(stage, (context) =>
      context.addInitScript(() => {
        class Line extends EventTarget {
          saveData = false;
          type = 'cellular';
        }
        const line = new Line();
        Object.defineProperty(navigator, 'connection', { value: line });
      }),
    );
    expect(await load(tab, 'one.bin')).toBe(FILE_BYTES);
    expect([contacts.sockets, await connectionsOf(tab)]).toEqual([[], []]);
    const change = (changes: { saveData?: boolean; type?: string }): Promise<void> =>
      tab.evaluate((facts) => {
        const { connection } = navigator as unknown as { connection: EventTarget };
        Object.assign(connection, facts).dispatchEvent(new Event('change'));
      }, changes);
    await change({ type: 'wifi' });
    await tab.waitForFunction(() => tabseed.stats().peers === 1);
    await change({ saveData: true });
    await expect.poll(() => peers(stays.tab), POLL).toBe(0);
    expect((await connectionsOf(tab)).every(({ closed }) => closed)).toBe(true);
    await change({ saveData: false });
    await tab.waitForFunction(() => tabseed.stats().peers === 1);
  });
});

describe("pause('uploads')", () => {
  it('stops what is given, not what is taken, whichever tab leads, until it is resumed', async () => {
    const stage = await open({});
    const giver = await visitor(stage);
    await giver.tab.evaluate(() => tabseed.prefetch(['one.bin', 'two.bin']));
    const other = await openTab(giver.context, stage.url);
    await other.evaluate(() => tabseed.pause('uploads'));
    const taker = await visitor(stage);
    await taker.tab.waitForFunction(() => tabseed.stats().peers === 1);
    expect(await load(taker.tab, 'one.bin')).toBe(FILE_BYTES);
    expect([await bytes(taker.tab, 'peers'), await bytes(giver.tab, 'uploaded')]).toEqual([0, 0]);

    // The next leader knows it from the other tabs.
    await giver.tab.close();
    await other.waitForFunction(() => tabseed.stats().leader && tabseed.stats().peers === 1);
    await taker.tab.waitForFunction(() => tabseed.stats().peers === 1);
    expect(await load(taker.tab, 'two.bin')).toBe(FILE_BYTES);
    expect(await bytes(taker.tab, 'peers')).toBe(0);

    await other.evaluate(() => tabseed.resume());
    const late = await visitor(stage);
    await late.tab.waitForFunction(() => tabseed.stats().peers === 2);
    expect(await load(late.tab, 'two.bin')).toBe(FILE_BYTES);
    await expect.poll(() => bytes(late.tab, 'peers'), POLL).toBeGreaterThan(0);
  });
});
