import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { BrowserContext, Page } from 'playwright';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/publisher/index.ts';
import { launchChromium } from '../setup/browser.ts';
import { type PublishedApp, publishApp, SCRIPTS } from '../stage/app.ts';
import { Stage } from '../stage/stage.ts';

const POLL = { timeout: 30_000 };

let app: PublishedApp;
let stage: Stage;

beforeAll(async () => {
  app = await site({
    'index.html': page('client'),
    'other-worker.js': 'addEventListener("fetch", () => undefined);',
    'data.bin': 'x'.repeat(300_000),
  });
});

beforeEach(async () => {
  stage = await Stage.open(app.out);
});

afterEach(async () => {
  await stage.close();
});

function page(title: string): string {
  return `<!doctype html><html lang="en"><head><title>${title}</title><link rel="icon" href="data:,"></head><body></body></html>`;
}

async function site(files: Readonly<Record<string, string>>): Promise<PublishedApp> {
  const source = await mkdtemp(join(tmpdir(), 'tabseed-client-'));
  for (const [path, text] of Object.entries(files)) await writeFile(join(source, path), text);
  return publishApp(source, { key: generateKey().pem });
}

async function openTab(context: BrowserContext, url = stage.url): Promise<Page> {
  const tab = await context.newPage();
  await tab.goto(url);
  await tab.evaluate(() => tabseed.ready);
  return tab;
}

async function leadersAmong(tabs: readonly Page[]): Promise<Page[]> {
  const leading = await Promise.all(tabs.map((tab) => tab.evaluate(() => tabseed.stats().leader)));
  return tabs.filter((_, index) => leading[index]);
}

async function oneLeader(tabs: readonly Page[]): Promise<Page> {
  await expect.poll(async () => (await leadersAmong(tabs)).length, POLL).toBe(1);
  const [leader] = await leadersAmong(tabs);
  if (!leader) throw new Error('the leader is gone again');
  return leader;
}

const connections = (): number | undefined => stage.server.signal?.stats().connections;

/** What `ready`, or the prefetch of a file, rejects with in the page: name, code and the worker's own code. */
function failure(tab: Page, file?: string): Promise<string | undefined> {
  return tab.evaluate(async (wanted) => {
    try {
      await (wanted === undefined ? tabseed.ready : tabseed.prefetch([wanted]));
      return undefined;
    } catch (error) {
      const { name, code, detail } = error as { name: string; code: string; detail?: string };
      return [name, code, detail].filter((part) => part !== undefined).join(' ');
    }
  }, file);
}

/** Everything that a page says or throws. */
function complaints(tab: Page): string[] {
  const heard: string[] = [];
  tab.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') heard.push(`${message.type()}: ${message.text()}`);
  });
  // Uncaught errors, unhandled rejections among them.
  tab.on('pageerror', (error) => heard.push(`thrown: ${error.message}`));
  return heard;
}

describe('the tabs of one browser', () => {
  it('have one leader with one signaling connection, and a new one when it closes', async () => {
    const context = await (await stage.browser()).newContext();
    const tabs = [await openTab(context), await openTab(context), await openTab(context)];
    const leader = await oneLeader(tabs);
    await expect.poll(connections, POLL).toBe(1);
    await leader.close();
    await oneLeader(tabs.filter((tab) => tab !== leader));
    await expect.poll(connections, POLL).toBe(1);
  });

  it('know the release, and hear of changes', async () => {
    const context = await (await stage.browser()).newContext();
    const tab = await openTab(context);
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
    const tab = await openTab(context);
    await tab.evaluate(() => tabseed.prefetch(['data.bin', new URL('index.html', location.href)]));
    stage.refuse = () => true;
    expect(await tab.evaluate(async () => (await (await fetch('data.bin')).text()).length)).toBe(300_000);
    expect(await failure(tab, 'nowhere.bin')).toBe('TabseedError request-failed not-in-release');
  });

  it('pause and resume the engine of whichever tab leads', async () => {
    const context = await (await stage.browser()).newContext();
    const tabs = [await openTab(context), await openTab(context)];
    const leader = await oneLeader(tabs);
    await expect.poll(connections, POLL).toBe(1);
    const other = tabs.find((tab) => tab !== leader);
    await other?.evaluate(() => tabseed.pause());
    await expect.poll(connections, POLL).toBe(0);
    expect(await other?.evaluate(async () => (await fetch('data.bin')).ok)).toBe(true);

    const late = await openTab(context);
    await leader.close();
    await oneLeader([late, ...tabs.filter((tab) => tab !== leader)]);
    expect(connections()).toBe(0);
    await late.evaluate(() => tabseed.resume());
    await expect.poll(connections, POLL).toBe(1);
  });

  it('pass the lead on when the leader goes to sleep, and let it queue again when it resumes', async () => {
    const context = await (await stage.browser()).newContext();
    const tabs = [await openTab(context), await openTab(context)];
    const leader = await oneLeader(tabs);
    const other = tabs.find((tab) => tab !== leader);
    // Playwright keeps its pages visible, and Chromium freezes no visible page: the event comes from here.
    await leader.evaluate(() => document.dispatchEvent(new Event('freeze')));
    await other?.waitForFunction(() => tabseed.stats().leader);
    expect(await leader.evaluate(() => tabseed.stats().leader)).toBe(false);
    await expect.poll(connections, POLL).toBe(1);
    await leader.evaluate(() => document.dispatchEvent(new Event('resume')));
    await other?.close();
    await leader.waitForFunction(() => tabseed.stats().leader);
    await expect.poll(connections, POLL).toBe(1);
  });

  it('keep the back/forward cache, and a page that comes back leads again', async () => {
    const browser = await launchChromium({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
    try {
      const context = await browser.newContext();
      const tab = await openTab(context);
      await oneLeader([tab]);
      await expect.poll(connections, POLL).toBe(1);
      await tab.evaluate(() => {
        document.title = 'kept';
        addEventListener('pageshow', ({ persisted }) => {
          document.title = persisted ? 'restored' : 'loaded';
        });
      });
      await tab.goto(stage.blankUrl);
      await expect.poll(connections, POLL).toBe(0);
      // A restored page fires no `load` that could be waited for.
      await tab.goBack({ waitUntil: 'commit' });
      await expect.poll(() => tab.title(), POLL).toBe('restored');
      await oneLeader([tab]);
      await expect.poll(connections, POLL).toBe(1);
    } finally {
      await browser.close();
    }
  });

  it('take the lead from a tab that is stuck', async () => {
    const context = await (await stage.browser()).newContext();
    const tabs = [await openTab(context), await openTab(context)];
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
    const tab = await openTab(context);
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

describe('the first visit', () => {
  it('gives the worker all that the page has loaded, also beyond the 250 that browsers list', async () => {
    const scripts = Array.from({ length: 300 }, (_, index) => `script-${index}.js`);
    const tags = scripts.map((path) => `<script src="${path}"></script>`).join('');
    const files = Object.fromEntries(scripts.map((path) => [path, `document.title += "${path}";`]));
    const large = await site({ 'index.html': page('many').replace('<body>', `<body>${tags}`), ...files });
    const largeStage = await Stage.open(large.out);
    try {
      const tab = await openTab(await (await largeStage.browser()).newContext(), largeStage.url);
      await expect.poll(() => storedChunks(tab), POLL).toBe(scripts.length + 1);
      const before = largeStage.responses.length;
      await tab.evaluate((paths) => Promise.all(paths.map((path) => fetch(path))), scripts);
      await tab.reload();
      const content = largeStage.served((path) => path === '/' || path.startsWith('/script-'));
      expect(content).toHaveLength(scripts.length + 1);
      expect(largeStage.served((path) => path.includes('/pack-'), before)).toEqual([]);
    } finally {
      await largeStage.close();
    }
  });
});

/** Chunks in the browser's store. */
function storedChunks(tab: Page): Promise<number> {
  return tab.evaluate(
    () =>
      new Promise<number>((resolve, reject) => {
        const fail = (): void => reject(new Error('the store cannot be read'));
        void indexedDB.databases().then(([database]) => {
          if (!database?.name) {
            resolve(0);
            return;
          }
          const opening = indexedDB.open(database.name);
          opening.onerror = fail;
          opening.onsuccess = () => {
            const count = opening.result.transaction('chunks').objectStore('chunks').count();
            count.onerror = fail;
            count.onsuccess = () => {
              opening.result.close();
              resolve(count.result);
            };
          };
        }, fail);
      }),
  );
}

describe('a page where Tabseed cannot work', () => {
  it('is left alone when another worker owns the scope', async () => {
    const context = await (await stage.browser()).newContext();
    const tab = await context.newPage();
    await tab.goto(stage.blankUrl);
    await tab.evaluate(async () => {
      await navigator.serviceWorker.register('/other-worker.js', { scope: '/' });
      await navigator.serviceWorker.ready;
    });
    const heard = complaints(tab);
    await tab.goto(stage.url);
    expect(await failure(tab)).toBe('TabseedError scope-taken');
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatch(/^warning: Tabseed: .*other-worker\.js.*\(scope-taken\)$/);
    const workers = await tab.evaluate(async () =>
      (await navigator.serviceWorker.getRegistrations()).map(({ active }) => active?.scriptURL),
    );
    expect(workers).toEqual([`${stage.url}/other-worker.js`]);
  });

  it('has the API and no uncaught error in an insecure context', async () => {
    const browser = await launchChromium({ args: ['--host-resolver-rules=MAP insecure.test 127.0.0.1'] });
    try {
      const tab = await (await browser.newContext()).newPage();
      const heard = complaints(tab);
      await tab.goto(`http://insecure.test:${stage.server.port}/`);
      expect(await tab.evaluate(() => [isSecureContext, tabseed.stats().peers])).toEqual([false, 0]);
      expect(await failure(tab)).toBe('TabseedError unsupported');
      expect(await failure(tab, 'data.bin')).toBe('TabseedError unsupported');
      expect(heard).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  it('registers nothing with ?tabseed=off', async () => {
    const tab = await (await (await stage.browser()).newContext()).newPage();
    const heard = complaints(tab);
    await tab.goto(`${stage.url}/?tabseed=off`);
    expect(await failure(tab)).toBe('TabseedError disabled');
    expect(await tab.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length)).toBe(0);
    expect(heard).toEqual([]);
  });

  it('says that the worker was not installed when its script is missing', async () => {
    stage.refuse = (path) => path === '/tabseed-sw.js';
    const tab = await (await (await stage.browser()).newContext()).newPage();
    await tab.goto(stage.url);
    expect(await failure(tab)).toBe('TabseedError registration-failed');
  });

  it('stays uncontrolled after Shift-reload without reloading itself', async () => {
    const context = await (await stage.browser()).newContext();
    const tab = await openTab(context);
    await oneLeader([tab]);
    const devtools = await context.newCDPSession(tab);
    const navigations: string[] = [];
    tab.on('framenavigated', (frame) => navigations.push(frame.url()));
    const loaded = tab.waitForEvent('load');
    await devtools.send('Page.reload', { ignoreCache: true });
    await loaded;
    expect(await failure(tab)).toBe('TabseedError uncontrolled');
    expect(navigations).toHaveLength(1);
    await tab.reload();
    expect(await failure(tab)).toBe(undefined);
  });
});

describe('a page with a strict policy', () => {
  it('runs the client, its worker and its engine under CSP and Trusted Types', async () => {
    const policy = [
      "default-src 'none'",
      "script-src 'self'",
      "worker-src 'self'",
      "connect-src 'self'",
      'img-src data:',
      "require-trusted-types-for 'script'",
      'trusted-types tabseed',
    ].join('; ');
    const strict = await site({
      'index.html': page('strict'),
      _headers: `/*\n  Content-Security-Policy: ${policy}\n`,
    });
    const strictStage = await Stage.open(strict.out);
    try {
      const tab = await (await (await strictStage.browser()).newContext()).newPage();
      const heard = complaints(tab);
      const response = await tab.goto(strictStage.url);
      expect(response?.headers()['content-security-policy']).toBe(policy);
      expect(await failure(tab)).toBe(undefined);
      await expect.poll(() => strictStage.server.signal?.stats().peers, POLL).toBe(1);
      expect(heard).toEqual([]);
    } finally {
      await strictStage.close();
    }
  });
});

describe('the page scripts', () => {
  /** 10 KB for what every page loads, 45 KB more for the leader; the figures are budgets of the client. */
  const PAGE_BYTES = 10_240;
  const LEADER_BYTES = 46_080;

  it('stay within their budget', async () => {
    const sizes = new Map<string, number>();
    const everyPage = new Set<string>();
    const visit = async (name: string, onEveryPage: boolean): Promise<void> => {
      if (onEveryPage) everyPage.add(name);
      if (sizes.has(name)) return;
      const code = await readFile(join(SCRIPTS.page, name), 'utf8');
      sizes.set(name, gzipSync(code, { level: 9 }).length);
      for (const [, keyword, chunk = ''] of code.matchAll(/(from|import|import\()\s*["'`]\.\/([^"'`]+)["'`]/g)) {
        await visit(chunk, onEveryPage && keyword !== 'import(');
      }
    };
    await visit('client.js', true);
    console.log(Object.fromEntries(sizes));
    const sum = (chosen: (name: string) => boolean): number =>
      [...sizes].reduce((total, [name, bytes]) => total + (chosen(name) ? bytes : 0), 0);
    expect(sum((name) => everyPage.has(name))).toBeLessThanOrEqual(PAGE_BYTES);
    expect(sum((name) => !everyPage.has(name))).toBeLessThanOrEqual(LEADER_BYTES);
    expect(sizes.size).toBeGreaterThan(2);
  });
});
