import type { Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSignalServer } from '../../../src/cli/start-signal-server.ts';
import { bulkApp, type PublishedApp } from '../../stage/app.ts';
import { Stage } from '../../stage/stage.ts';
import { openTab, POLL } from '../client-site.ts';
import { connectionsOf, watchContacts } from '../contacts.ts';
import { Download } from './download.ts';

const MIB = 1024 * 1024;

type SignalServer = Awaited<ReturnType<typeof startSignalServer>>;

let port: number;
let app: PublishedApp;
let stage: Stage;
let signaling: SignalServer | undefined;

beforeAll(async () => {
  const server = await startSignalServer();
  ({ port } = server);
  await server.close();
  app = await bulkApp({ 'bulk.bin': 16 * MIB }, { signal: `ws://127.0.0.1:${port}/tabseed/signal` });
});

beforeEach(async () => {
  stage = await Stage.open(app.out, { signal: false });
});

afterEach(async () => {
  await stage.close();
  await stopSignaling();
});

afterAll(async () => {
  await app.remove();
});

async function startSignaling(): Promise<void> {
  signaling = await startSignalServer({ port });
}

async function stopSignaling(): Promise<void> {
  await signaling?.close();
  signaling = undefined;
}

async function newTab(): Promise<Page> {
  const context = await (await stage.browser()).newContext();
  await watchContacts(context);
  return openTab(context, stage.url);
}

/** Waits until this tab has so many peers. */
async function connected(tab: Page, peers: number): Promise<void> {
  await tab.waitForFunction((count) => tabseed.stats().peers === count, peers);
}

async function connections(tab: Page): Promise<{ made: number; open: number }> {
  const all = await connectionsOf(tab);
  return { made: all.length, open: all.filter(({ closed }) => !closed).length };
}

const refuseContent = (path: string): boolean => path.includes('/pack-') || path === '/bulk.bin';

describe('signaling', () => {
  it('down at start: the origin serves, and peers find each other when it comes up', async () => {
    const first = await newTab();
    const download = await Download.start(first, 'bulk.bin');
    expect(await download.hash()).toBe(app.hashes.get('bulk.bin'));
    await startSignaling();
    stage.refuse = refuseContent;
    const second = await newTab();
    await Promise.all([connected(first, 1), connected(second, 1)]);
    const fromPeer = await Download.start(second, 'bulk.bin');
    expect(await fromPeer.hash()).toBe(app.hashes.get('bulk.bin'));
  });

  it('killed during a download and restarted: the download goes on, and no pair is connected twice', async () => {
    await startSignaling();
    const first = await newTab();
    await first.evaluate(() => tabseed.prefetch(['bulk.bin']));
    stage.refuse = refuseContent;
    const second = await newTab();
    await connected(second, 1);
    const download = await Download.start(second, 'bulk.bin');
    await download.reached(2 * MIB);
    await stopSignaling();
    await download.reached(4 * MIB);
    await startSignaling();
    expect(await download.hash()).toBe(app.hashes.get('bulk.bin'));
    await expect.poll(() => signaling?.signal.stats().peers, POLL).toBe(2);
    // The pair is introduced once more, and keeps one connection: the newer one.
    for (const tab of [first, second]) await expect.poll(() => connections(tab), POLL).toEqual({ made: 2, open: 1 });
    const third = await newTab();
    await Promise.all([first, second, third].map((tab) => connected(tab, 2)));
    expect(await connections(first)).toEqual({ made: 3, open: 2 });
    expect(await connections(second)).toEqual({ made: 3, open: 2 });
    const late = await Download.start(third, 'bulk.bin');
    expect(await late.hash()).toBe(app.hashes.get('bulk.bin'));
    const { bytes } = await third.evaluate(() => tabseed.stats());
    // The page itself came from the origin, at its first visit.
    expect(bytes.origin).toBeLessThan(1000);
  });
});
