import type { BrowserContext } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bulkApp, type PublishedApp, SCRIPTS } from '../../stage/app.ts';
import { Stage } from '../../stage/stage.ts';
import { oneLeader, openTab } from '../client-site.ts';
import { stopWorkers } from '../worker/site.ts';
import { buildWorker } from '../worker/worker-script.ts';
import { Download } from './download.ts';

const MIB = 1024 * 1024;
const STOPS = 8;

let app: PublishedApp;
let stage: Stage;
let context: BrowserContext;

beforeAll(async () => {
  app = await bulkApp({ 'bulk.bin': 12 * MIB });
});

afterEach(async () => {
  await stage.close();
});

afterAll(async () => {
  await app.remove();
});

async function visit(folder: string) {
  stage = await Stage.open(folder);
  context = await (await stage.browser()).newContext();
  return openTab(context, stage.url);
}

describe('a worker stopped mid-stream', () => {
  it('costs the page an attempt, never a wrong byte, however often it happens', async () => {
    const tab = await visit(app.out);
    await oneLeader([tab]);
    let attempts = 0;
    for (let stop = 1; stop <= STOPS; stop += 1) {
      const download = await Download.start(tab, 'bulk.bin');
      // Of the first ones the chunks come from the origin, of the later ones from the store.
      await download.reached(stop * MIB);
      await stopWorkers(context, tab);
      expect(await download.hash()).toBe(app.hashes.get('bulk.bin'));
      attempts += await download.attempts();
    }
    // A worker that was stopped between two pieces of a body that it had given whole may go unnoticed, but not always.
    expect(attempts).toBeGreaterThan(STOPS);
    await tab.evaluate(() => tabseed.prefetch(['bulk.bin']));
    stage.refuse = () => true;
    const whole = await Download.start(tab, 'bulk.bin');
    expect(await whole.hash()).toBe(app.hashes.get('bulk.bin'));
    expect(stage.server.signal?.stats().connections).toBe(1);
  });
});

describe('a page and a worker of different versions', () => {
  it.each([
    ['older', 0],
    ['newer', 2],
  ])(
    'ignore each other when the worker is the %s one: it answers alone, and nobody reloads',
    async (_, bridgeVersion) => {
      const scripts = await buildWorker(bridgeVersion);
      const mixed = await bulkApp({ 'bulk.bin': 3 * MIB }, { scripts: { ...scripts, page: SCRIPTS.page } });
      try {
        const tab = await visit(mixed.out);
        const navigations: string[] = [];
        tab.on('framenavigated', (frame) => navigations.push(frame.url()));
        await oneLeader([tab]);
        for (const source of ['origin', 'store']) {
          const from = await tab.evaluate(async () => {
            const response = await fetch('bulk.bin');
            const digest = await crypto.subtle.digest('SHA-256', await response.arrayBuffer());
            const hash = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
            return [hash, response.headers.get('server-timing')];
          });
          expect(from).toEqual([
            mixed.hashes.get('bulk.bin'),
            expect.stringMatching(new RegExp(`^tabseed;desc="${source}", tabseed\\.r;desc="\\d+"$`)),
          ]);
        }
        await tab.evaluate(() => tabseed.prefetch(['bulk.bin']));
        expect(await tab.evaluate(() => tabseed.stats())).toMatchObject({ release: null, peers: 0 });
        expect(stage.server.signal?.stats().connections).toBe(0);
        expect(navigations).toEqual([]);
      } finally {
        await mixed.remove();
      }
    },
  );
});
