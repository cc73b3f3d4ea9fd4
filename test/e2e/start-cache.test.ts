import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey, publish, retire } from '../../src/publisher/index.ts';
import { SCRIPTS } from '../stage/app.ts';
import { Stage } from '../stage/stage.ts';
import { openTab, POLL } from './client-site.ts';
import { staged } from './updates/updates-site.ts';
import { spoilStore, stopWorkers } from './worker/site.ts';

const KEY = generateKey().pem;
const PAGE = '<!doctype html><link rel="icon" href="data:,"><body><script src="app.js"></script></body>';

/** Large enough to be laid down whole. */
const scriptOf = (number: number) => `globalThis.seen = ${number};${` // ${number}\n`.repeat(20_000)}`;

let folder: string;
let stage: Stage;
let context: BrowserContext;
let tab: Page;

async function publishNumber(number: number): Promise<void> {
  const source = join(folder, 'source');
  await mkdir(source, { recursive: true });
  await writeFile(join(source, 'index.html'), PAGE);
  await writeFile(join(source, 'app.js'), scriptOf(number));
  await publish({ source, out: join(folder, 'out'), key: KEY, scripts: SCRIPTS, mode: 'off' });
}

/** What lies in the caches of the origin beside the client scripts: the path of each entry, and the bytes that its headers tell of. */
function laidDown(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const entries: string[] = [];
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const key of await cache.keys()) {
        if (key.url.includes('/tabseed/')) continue;
        const response = await cache.match(key);
        entries.push(`${new URL(key.url).pathname} ${(await response?.text())?.slice(18, 19)}`);
      }
    }
    return entries;
  });
}

/** Puts this in the place of the entry of the app that is there. */
function replaceEntry(page: Page, body: string | null, added: string | null): Promise<void> {
  return page.evaluate(
    async ([text, header]) => {
      const cache = await caches.open((await caches.keys())[0] as string);
      const key = (await cache.keys()).find(({ url }) => url.endsWith('/app.js'));
      const found = await cache.match(key as Request);
      const headers = new Headers(found?.headers);
      if (header === null) headers.delete('x-added');
      else headers.set('x-added', header);
      await cache.put(key as Request, new Response(text ?? (await found?.text()), { headers }));
    },
    [body, added] as const,
  );
}

function read(page: Page): Promise<[string, string | null]> {
  return page.evaluate(async () => {
    const response = await fetch('app.js');
    return [await response.text(), response.headers.get('x-added')];
  });
}

const seen = (page: Page) => page.evaluate(() => (globalThis as unknown as { seen: number }).seen);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabseed-start-'));
  await publishNumber(1);
  stage = await Stage.open(join(folder, 'out'), { signal: false });
  context = await (await stage.browser()).newContext();
  tab = await openTab(context, stage.url);
});

afterAll(async () => {
  await stage.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a script that a page has laid down whole', () => {
  it('is what the worker answers with, also when its chunks and the origin are away', async () => {
    await expect.poll(() => laidDown(tab), POLL).toEqual(['/app.js 1']);
    await spoilStore(tab, 'empty');
    await stopWorkers(context, tab);
    stage.refuse = (path) => path === '/app.js' || path.startsWith('/tabseed/pack-');
    expect(await read(tab)).toEqual([scriptOf(1), null]);
    expect(await read(tab)).toEqual([scriptOf(1), null]);
    stage.refuse = () => false;
  });

  it('is not used with a header that is not its own', async () => {
    await replaceEntry(tab, null, 'by another script');
    expect(await read(tab)).toEqual([scriptOf(1), null]);
    expect(await laidDown(tab)).toEqual(['/app.js 1']);
  });

  it('is checked when a worker reads it first: what is damaged is not served, and goes', async () => {
    await replaceEntry(tab, 'globalThis.seen = 9;', null);
    await stopWorkers(context, tab);
    expect(await read(tab)).toEqual([scriptOf(1), null]);
    expect(await laidDown(tab)).toEqual([]);
    await tab.reload();
    expect(await seen(tab)).toBe(1);
  });

  it('stays with its release: a page that goes on with the older one gets that one, from chunks', async () => {
    await expect.poll(() => laidDown(tab), POLL).toEqual(['/app.js 1']);
    await publishNumber(2);
    await staged(tab);
    const other = await context.newPage();
    await other.goto(stage.url);
    expect(await seen(other)).toBe(1);
    expect(await tab.evaluate(() => tabseed.applyUpdate())).toBe(true);
    await other.reload();
    expect(await seen(other)).toBe(2);
    expect(await read(tab)).toEqual([scriptOf(1), null]);
    await tab.close();
    // Now this one leads.
    await expect.poll(() => laidDown(other), POLL).toEqual(['/app.js 2']);
    await other.reload();
    expect(await seen(other)).toBe(2);
    tab = other;
  });

  it('is laid down anew after the browser has wiped it, and goes with the app', async () => {
    await tab.evaluate(async () => caches.delete((await caches.keys())[0] as string));
    expect(await read(tab)).toEqual([scriptOf(2), null]);
    await tab.reload();
    await expect.poll(() => laidDown(tab), POLL).toEqual(['/app.js 2']);
    // Whose worker script is still the old one, as from a cache: the signed pointer says it.
    stage.answer = (path, _, response) => {
      if (path !== '/tabseed-sw.js') return false;
      response.destroy();
      return true;
    };
    await retire({ out: join(folder, 'out'), key: KEY });
    await tab.evaluate(() => tabseed.checkForUpdate().catch(() => undefined));
    await expect.poll(() => tab.evaluate(async () => (await caches.keys()).length), POLL).toBe(0);
  });
});
