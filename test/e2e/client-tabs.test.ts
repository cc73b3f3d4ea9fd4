import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PublishedApp } from '../stage/app.ts';
import { Stage } from '../stage/stage.ts';
import { failure, oneLeader, openTab, POLL, page, site } from './client-site.ts';

let app: PublishedApp;
let stage: Stage;

beforeAll(async () => {
  app = await site({
    'index.html': page('client'),
    'data.bin': 'x'.repeat(300_000),
  });
});

beforeEach(async () => {
  stage = await Stage.open(app.out);
});

afterEach(async () => {
  await stage.close();
});

afterAll(async () => {
  await app.remove();
});

const connections = (): number | undefined => stage.server.signal?.stats().connections;

describe('the tabs of one browser', () => {
  it('have one leader with one signaling connection, and a new one when it closes', async () => {
    const context = await (await stage.browser()).newContext();
    const tabs = [
      await openTab(context, stage.url),
      await openTab(context, stage.url),
      await openTab(context, stage.url),
    ];
    const leader = await oneLeader(tabs);
    await expect.poll(connections, POLL).toBe(1);
    await leader.close();
    await oneLeader(tabs.filter((tab) => tab !== leader));
    await expect.poll(connections, POLL).toBe(1);
  });

  it('know the release, and hear of changes', async () => {
    const context = await (await stage.browser()).newContext();
    const tab = await openTab(context, stage.url);
    await tab.waitForFunction(() => tabseed.stats().release !== null);
    expect(await tab.evaluate(() => tabseed.stats().release)).toEqual({ sequence: app.manifest.sequence, version: '' });
    const before = await tab.evaluate(() => tabseed.stats());
    const isSame = tab.evaluate(() => {
      const { stats } = tabseed;
      const first = stats();
      return first === stats();
    });
    expect(await isSame).toBe(true);
    const heard = tab.evaluate(
      () =>
        new Promise<number>((resolve) => {
          const off = tabseed.on('stats', ({ bytes }) => {
            if (bytes.origin + bytes.store === 0) return;
            off();
            resolve(bytes.origin + bytes.store);
          });
          void fetch('data.bin').then((response) => response.arrayBuffer());
        }),
    );
    expect(await heard).toBeGreaterThan(before.bytes.origin + before.bytes.store);
    expect(await tab.evaluate(() => tabseed.applyUpdate())).toBe(false);
    await tab.evaluate(() => tabseed.checkForUpdate());
  });

  it('prefetch files of the release, and say which request failed', async () => {
    const context = await (await stage.browser()).newContext();
    const tab = await openTab(context, stage.url);
    await tab.evaluate(() => tabseed.prefetch(['data.bin', new URL('index.html', location.href)]));
    stage.refuse = () => true;
    expect(await tab.evaluate(async () => (await (await fetch('data.bin')).text()).length)).toBe(300_000);
    expect(await failure(tab, 'nowhere.bin')).toBe('TabseedError request-failed not-in-release');
  });

  it('pause and resume the engine of whichever tab leads', async () => {
    const context = await (await stage.browser()).newContext();
    const tabs = [await openTab(context, stage.url), await openTab(context, stage.url)];
    const leader = await oneLeader(tabs);
    await expect.poll(connections, POLL).toBe(1);
    const other = tabs.find((tab) => tab !== leader);
    await other?.evaluate(() => tabseed.pause());
    await expect.poll(connections, POLL).toBe(0);
    expect(await other?.evaluate(async () => (await fetch('data.bin')).ok)).toBe(true);

    const late = await openTab(context, stage.url);
    await leader.close();
    await oneLeader([late, ...tabs.filter((tab) => tab !== leader)]);
    expect(connections()).toBe(0);
    await late.evaluate(() => tabseed.resume());
    await expect.poll(connections, POLL).toBe(1);
  });

  it('take the lead from a tab that is stuck', async () => {
    const context = await (await stage.browser()).newContext();
    const tabs = [await openTab(context, stage.url), await openTab(context, stage.url)];
    const leader = await oneLeader(tabs);
    const other = tabs.find((tab) => tab !== leader);
    if (!other) throw new Error('two tabs were opened');
    // A long task: it would be an endless one, if the test did not have to end.
    const stuck = leader.evaluate(() => {
      const end = performance.now() + 8000;
      while (performance.now() < end);
      return tabseed.stats().leader;
    });
    await other.evaluate(async () => (await fetch('data.bin')).arrayBuffer());
    await other.waitForFunction(() => tabseed.stats().leader);
    await stuck;
    expect(await oneLeader(tabs)).toBe(other);
    await other.close();
    await oneLeader([leader]);
  });

  it('bring the engine back to a worker that was stopped', async () => {
    const context = await (await stage.browser()).newContext();
    const tab = await openTab(context, stage.url);
    await oneLeader([tab]);
    await expect.poll(connections, POLL).toBe(1);
    const worker = context.serviceWorkers()[0];
    expect(worker?.url()).toBe(`${stage.url}/tabseed-sw.js`);
    const session = await context.newCDPSession(tab);
    await session.send('ServiceWorker.enable');
    await session.send('ServiceWorker.stopAllWorkers');
    expect(await tab.evaluate(async () => (await fetch('data.bin')).ok)).toBe(true);
    await tab.evaluate(() => tabseed.prefetch(['data.bin']));
    await tab.waitForFunction(() => tabseed.stats().leader);
    expect(connections()).toBe(1);
  });
});
