import { createHash, randomBytes } from 'node:crypto';
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Mode } from '../../src/protocol/settings.ts';
import type { BuiltScripts } from '../../src/publisher/index.ts';
import { launchChromium } from '../setup/browser.ts';
import { becomeLeader, type LeaderManner, leaderLog } from './worker/page-leader.ts';
import {
  check,
  controlledPage,
  fetched,
  fetchIn,
  prefetch,
  Site,
  savedTraffic,
  sourceOf,
  spoilStore,
  stage,
  status,
  stopWorkers,
} from './worker/site.ts';
import { buildWorker } from './worker/worker-script.ts';

const BIG = randomBytes(12_000_000);
const HOME = '<!doctype html><title>home</title><link rel="icon" href="data:,"><p>home</p>';
const FILES = {
  'index.html': HOME,
  'app.js': 'globalThis.loaded = true;\n',
  'zeros.bin': new Uint8Array(3_000_000),
  'big.bin': BIG,
};
const hashOf = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const isPack = (path: string) => path.startsWith('/tabseed/pack-');

let browser: Browser;
let scripts: BuiltScripts;
let site: Site;
let page: Page;

beforeAll(async () => {
  [browser, scripts] = await Promise.all([launchChromium(), buildWorker()]);
});

afterAll(async () => {
  await browser.close();
});

/** A site and a tab of its own for each test of a group. */
function visitEach(mode: Mode): void {
  beforeEach(async () => {
    site = await Site.open({ files: FILES, scripts, mode });
    page = await controlledPage(browser, site);
  });

  afterEach(async () => {
    await page.context().close();
    await site.close();
  });
}

/** Fetches a file as a stream and tells when its first bytes are there. */
async function startReading(path: string): Promise<{ finish: () => Promise<number> }> {
  await page.evaluate(async (target) => {
    const response = await fetch(target);
    const reader = response.body?.getReader();
    const first = await reader?.read();
    Object.assign(globalThis, {
      rest: async () => {
        let bytes = first?.value?.length ?? 0;
        for (let piece = await reader?.read(); piece?.value; piece = await reader?.read()) bytes += piece.value.length;
        return bytes;
      },
    });
  }, path);
  return { finish: () => page.evaluate(() => (globalThis as unknown as { rest: () => Promise<number> }).rest()) };
}

describe('the worker alone', () => {
  visitEach('off');

  it('takes a missing file plainly, keeps it, and has it from the store next time', async () => {
    const first = await fetched(page, '/big.bin');
    expect([sourceOf(first), first.hash]).toEqual(['origin', hashOf(BIG)]);
    expect(site.served().filter((path) => path === '/big.bin' || isPack(path))).toEqual(['/big.bin']);
    const before = site.responses.length;
    const again = await fetched(page, '/big.bin');
    expect([sourceOf(again), again.hash]).toEqual(['store', hashOf(BIG)]);
    expect(site.served(before)).toEqual([]);
    const { traffic } = await status(page);
    expect(traffic.plain).toMatchObject({ store: BIG.length, origin: BIG.length, peers: 0 });
  });

  it('gives a file whose chunks are all the same', async () => {
    for (const source of ['origin', 'store']) {
      const zeros = await fetched(page, '/zeros.bin');
      expect([sourceOf(zeros), zeros.hash]).toEqual([source, hashOf(FILES['zeros.bin'])]);
    }
  });

  it('takes from the packs when the plain files are gone, and the other way round', async () => {
    site.refuse((path) => path === '/big.bin');
    expect((await fetched(page, '/big.bin')).hash).toBe(hashOf(BIG));
    await spoilStore(page, 'empty');
    site.refuse(isPack);
    const part = await fetched(page, '/big.bin', { headers: { Range: 'bytes=9000000-9999999' } });
    expect([part.status, part.hash]).toEqual([206, hashOf(BIG.subarray(9_000_000, 10_000_000))]);
  });

  it('answers the first navigation when no tab is open, and also without any origin', async () => {
    await prefetch(page, ['/', '/app.js']);
    await page.goto(site.url);
    await page.close();
    await stopWorkers(page.context(), await page.context().newPage());
    site.refuse(() => true);
    page = await page.context().newPage();
    const response = await page.goto(site.url);
    expect([response?.status(), response?.fromServiceWorker()]).toEqual([200, true]);
    expect(await response?.text()).toBe(HOME);
    expect((await fetched(page, '/app.js')).hash).toBe(hashOf(FILES['app.js']));
  });

  it('repairs a store whose every chunk is damaged', async () => {
    await prefetch(page, ['/big.bin']);
    expect(await spoilStore(page, 'damage')).toBeGreaterThan(0);
    expect((await fetched(page, '/big.bin')).hash).toBe(hashOf(BIG));
    const before = site.responses.length;
    const again = await fetched(page, '/big.bin');
    expect([sourceOf(again), again.hash]).toEqual(['store', hashOf(BIG)]);
    expect(site.served(before)).toEqual([]);
  });

  it('streams: a page reads the beginning while the origin still holds back the end', async () => {
    let letGo: () => void = () => undefined;
    site.intercept = (_, response, path) => {
      if (path !== '/big.bin') return false;
      response.setHeader('Content-Length', BIG.length);
      response.write(BIG.subarray(0, 2_000_000));
      letGo = () => response.end(BIG.subarray(2_000_000));
      return true;
    };
    const { finish } = await startReading('/big.bin');
    letGo();
    expect(await finish()).toBe(BIG.length);
  });

  it('finishes from the packs what the plain file breaks off', async () => {
    site.intercept = (_, response, path) => {
      if (path !== '/big.bin') return false;
      response.setHeader('Content-Length', BIG.length);
      response.write(BIG.subarray(0, 2_000_000), () => response.destroy());
      return true;
    };
    expect((await fetched(page, '/big.bin')).hash).toBe(hashOf(BIG));
  });

  it('lets the network answer when no source has the beginning of a file', async () => {
    site.intercept = (request, response, path) => {
      if (isPack(path)) response.writeHead(503).end();
      else if (path === '/app.js') response.writeHead(200, { 'Content-Type': 'text/plain' }).end('of another release');
      else return false;
      return request.method === 'GET';
    };
    const answer = await fetched(page, '/app.js');
    expect([sourceOf(answer), answer.status, answer.bytes]).toEqual([undefined, 200, 18]);
  });
});

describe('a worker that is stopped in the middle of a stream', () => {
  visitEach('off');

  it('counts on from where it was', async () => {
    await fetched(page, '/big.bin');
    await expect.poll(() => savedTraffic(page), { timeout: 10_000 }).toMatchObject({ plain: { origin: BIG.length } });
    await stopWorkers(page.context(), page);
    expect((await status(page)).traffic.plain.origin).toBe(BIG.length);
  });
});

describe('the leader of another tab', () => {
  visitEach('site');

  const lead = (manner: LeaderManner) => becomeLeader(page, manner, { url: '/big.bin' });

  it('fills what the store lacks, and the origin is left alone', async () => {
    await page.evaluate(() => fetch('/big.bin').then((response) => response.arrayBuffer()));
    await lead('generous');
    await spoilStore(page, 'empty');
    site.refuse(() => true);
    const answer = await fetched(page, '/big.bin');
    expect([sourceOf(answer), answer.hash]).toEqual(['peers', hashOf(BIG)]);
    const log = await leaderLog(page);
    expect(log[0]).toMatchObject({ type: 'releases' });
    expect(log.find(({ type }) => type === 'want')).toMatchObject({ urgency: 'bulk' });
  });

  it.each(['silent', 'lying', 'poor'] as const)(
    'does not matter when it is %s: the origin has the file',
    async (manner) => {
      await lead(manner);
      const answer = await fetched(page, '/big.bin');
      expect([sourceOf(answer), answer.hash]).toEqual(['origin', hashOf(BIG)]);
    },
  );

  it('is called again by a worker that has been restarted', async () => {
    await lead('generous');
    await stopWorkers(page.context(), page);
    await spoilStore(page, 'empty');
    site.refuse(() => true);
    expect((await fetched(page, '/big.bin')).hash).toBe(hashOf(BIG));
  });

  it('is replaced when it is silent, by a tab that is visible', async () => {
    await lead('silent');
    await page.evaluate(() => {
      void fetch('/app.js');
      return new Promise((resolve) => {
        navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ tabseed: { type: string } }>) => {
          if (data.tabseed.type === 'take-over') resolve(undefined);
        });
        navigator.serviceWorker.startMessages();
      });
    });
  });

  it('is told what the worker has stored', async () => {
    await lead('poor');
    await fetched(page, '/app.js');
    await page.waitForFunction(() =>
      (globalThis as unknown as { log: { type: string }[] }).log.some(({ type }) => type === 'stored'),
    );
  });
});

describe('a page', () => {
  visitEach('off');

  it('that was opened with ?tabseed=off is as without the worker, also after the worker was restarted', async () => {
    await prefetch(page, ['/', '/app.js', '/big.bin']);
    const response = await page.goto(`${site.url}?tabseed=off`);
    expect(response?.fromServiceWorker()).toBe(false);
    for (let life = 0; life < 2; life += 1) {
      expect(sourceOf(await fetched(page, '/app.js'))).toBeUndefined();
      await stopWorkers(page.context(), page);
    }
    await page.goto(site.url);
    expect(sourceOf(await fetched(page, '/app.js'))).toBe('store');
  });

  it('is told when it wants something prefetched that is not in the release', async () => {
    expect(await prefetch(page, ['/app.js', '/nothing.js'])).toMatchObject({ type: 'failed', code: 'not-in-release' });
  });

  it('is told when a prefetch cannot be had', async () => {
    site.refuse(() => true);
    expect(await prefetch(page, ['/app.js'])).toMatchObject({ type: 'failed', code: 'chunk-unavailable' });
  });

  it('is told when the look for a newer release fails', async () => {
    expect(await check(page)).toEqual({ type: 'done' });
    site.refuse((path) => path === '/tabseed/pointer.bin');
    expect(await check(page)).toMatchObject({ type: 'failed', code: 'origin-status' });
  });

  it('never sees two releases: the next one waits for the reload of the only tab', async () => {
    const { release } = await status(page);
    await prefetch(page, ['/', '/app.js']);
    const second = await page.context().newPage();
    await second.goto(site.url);
    await site.republish({
      ...FILES,
      'index.html': HOME.replace('home', 'new home'),
      'app.js': 'globalThis.loaded = 2;\n',
    });
    expect(await check(page)).toEqual({ type: 'done' });
    await stage(page);
    await page.reload();
    expect(await page.title()).toBe('home');
    expect((await fetched(page, '/app.js')).hash).toBe(hashOf(FILES['app.js']));
    await second.close();
    await page.reload();
    expect(await page.title()).toBe('new home');
    expect((await fetched(page, '/app.js')).hash).toBe(hashOf('globalThis.loaded = 2;\n'));
    expect((await status(page)).release?.sequence).toBeGreaterThan(release?.sequence ?? 0);
  });
});

describe('a worker of a development key', () => {
  it('removes itself on a host that is not this machine, and says why', async () => {
    const development = await Site.open({ files: FILES, scripts, development: true });
    const url = `http://elsewhere.test:${development.port}/`;
    const elsewhere = await launchChromium({
      args: ['--host-resolver-rules=MAP elsewhere.test 127.0.0.1', `--unsafely-treat-insecure-origin-as-secure=${url}`],
    });
    const context = await elsewhere.newContext();
    const warning = context.waitForEvent('console', (message) => message.text().includes('development key'));
    const tab = await context.newPage();
    await tab.goto(url);
    await tab.evaluate(() => navigator.serviceWorker.register('/tabseed-sw.js'));
    expect((await warning).type()).toBe('warning');
    await tab.waitForFunction(async () => (await navigator.serviceWorker.getRegistrations()).length === 0);
    expect(await fetchIn(tab, '/app.js')).toMatchObject({ status: 200 });
    await elsewhere.close();
    await development.close();
  });
});
