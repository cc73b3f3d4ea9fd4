import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TabseedError } from '../../src/client/index.ts';
import { CLIENT_SCRIPT, POINTER_PATH, WORKER_SCRIPT } from '../../src/protocol/layout.ts';
import { generateKey, publish, retire } from '../../src/publisher/index.ts';
import { SCRIPTS } from '../stage/app.ts';
import { Stage } from '../stage/stage.ts';
import { failure, openTab, POLL, page } from './client-site.ts';
import { stopWorkers } from './worker/site.ts';

/** One origin with an app at its root and one below /a/ and /b/ each: all with the same key and the same app id. */
class Origin {
  readonly key = generateKey().pem;
  readonly folder: string;
  stage!: Stage;
  browser!: Browser;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Origin> {
    const origin = new Origin(await mkdtemp(join(tmpdir(), 'tabseed-retire-')));
    // The root's own release has a file where the other app lives.
    await origin.publish('/', { 'b/clash.txt': 'of the root' });
    await rm(origin.out('/b/'), { recursive: true });
    await origin.publish('/a/');
    await origin.publish('/b/', { 'clash.txt': 'of /b/' });
    origin.stage = await Stage.open(origin.out('/'));
    origin.browser = await origin.stage.browser();
    return origin;
  }

  out(scope: string): string {
    return join(this.folder, 'out', scope);
  }

  async publish(scope: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
    const source = join(this.folder, 'source', scope.replaceAll('/', '-'));
    const files = { 'index.html': page(scope), 'data.txt': `of ${scope}`.repeat(20_000), ...more };
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(source, path)), { recursive: true });
      await writeFile(join(source, path), text);
    }
    await publish({ source, out: this.out(scope), key: this.key, scripts: SCRIPTS, signal: '/tabseed/signal' });
  }

  /** Only the pointer tells of it: the scripts are as a cache would still have them. */
  async retireByPointer(scope: string): Promise<void> {
    const scripts = [WORKER_SCRIPT, CLIENT_SCRIPT].map((path) => join(this.out(scope), path));
    for (const script of scripts) await copyFile(script, `${script}.kept`);
    await retire({ out: this.out(scope), key: this.key });
    for (const script of scripts) await copyFile(`${script}.kept`, script);
  }

  /** A tab of the app that has everything. */
  async visit(context: BrowserContext, scope: string): Promise<Page> {
    const tab = await openTab(context, this.stage.url + scope);
    await tab.evaluate(() =>
      tabseed.prefetch(['data.txt']).catch((error: unknown) => {
        const { code, detail = '' } = error as TabseedError;
        throw new Error(`prefetch: ${code} ${detail}`);
      }),
    );
    return tab;
  }

  /** The status that a path gets instead of its file; a redirect leads to another page of the origin. */
  answer(statusOf: (path: string) => number | undefined): void {
    this.stage.answer = (path, _request, response) => {
      const status = statusOf(path);
      if (status === undefined) return false;
      response.writeHead(status, status === 302 ? { Location: this.stage.blankUrl } : {}).end();
      return true;
    };
  }

  async close(): Promise<void> {
    await this.stage.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** What the apps have in this browser, each by the path of its scope. */
function remains(tab: Page) {
  return tab.evaluate(async () => {
    const scopeOf = (name = ''): string => `/${name.split(`${location.origin}/`)[1]}`;
    const { held = [], pending = [] } = await navigator.locks.query();
    const registrations = await navigator.serviceWorker.getRegistrations();
    return {
      workers: registrations.map(({ scope }) => scopeOf(scope)).sort(),
      databases: (await indexedDB.databases()).map(({ name }) => scopeOf(name)).sort(),
      locks: [...new Set([...held, ...pending].map(({ name }) => scopeOf(name)))].sort(),
      caches: (await caches.keys()).map(scopeOf).sort(),
    };
  });
}

/** What a fetch of the page gives, and the worker's word on where it is from. */
function read(tab: Page, path = 'data.txt'): Promise<{ text: string; isOurs: boolean }> {
  return tab.evaluate(async (wanted) => {
    const response = await fetch(wanted);
    return { text: await response.text(), isOurs: response.headers.has('server-timing') };
  }, path);
}

const all = (...scopes: string[]) => ({ workers: scopes, databases: scopes, locks: scopes });

let origin: Origin;

beforeAll(async () => {
  origin = await Origin.open();
});

afterAll(async () => {
  await origin.close();
});

describe('apps under /, /a/ and /b/ of one origin', () => {
  it('stay apart, and when one is retired nothing is left of it and all of the others', async () => {
    const context = await origin.browser.newContext();
    const root = await origin.visit(context, '/');
    const one = await origin.visit(context, '/a/');
    const other = await origin.visit(context, '/b/');
    const text = await readFile(join(origin.out('/b/'), 'data.txt'), 'utf8');
    expect(await read(other)).toEqual({ text, isOurs: true });
    expect(await read(other, 'clash.txt')).toEqual({ text: 'of /b/', isOurs: true });
    await expect.poll(() => remains(one), POLL).toMatchObject(all('/', '/a/', '/b/'));
    // As an app that has stored more than the worker alone makes.
    await other.evaluate(async () => {
      const [name = ''] = (await indexedDB.databases()).flatMap(({ name = '' }) =>
        name.endsWith('/b/') ? [name] : [],
      );
      for (const cache of [name, `${name} code`, name.replace('/b/', '/a/'), name.replace('/b/', '/')])
        await caches.open(cache);
      document.title = 'not reloaded';
    });
    const api = await other.evaluate(() => Object.keys(tabseed).sort());

    await retire({ out: origin.out('/b/') });
    // A visit makes the browser look at the worker script; the tab that is open is told by the worker.
    const late = await context.newPage();
    await late.goto(`${origin.stage.url}/b/`);
    await expect.poll(() => remains(one), POLL).toEqual({ ...all('/', '/a/'), caches: ['/', '/a/'] });
    expect(await other.title()).toBe('not reloaded');
    expect(await read(other)).toEqual({ text, isOurs: false });
    expect(await failure(other, 'data.txt')).toBe('TabseedError retired');
    expect(await failure(late)).toBe('TabseedError retired');
    expect(await late.evaluate(() => Object.keys(tabseed).sort())).toEqual(api);
    const since = origin.stage.responses.length;
    await late.reload();
    expect(await read(late)).toEqual({ text, isOurs: false });
    expect(origin.stage.served((path) => path === `/b/${WORKER_SCRIPT}`, since)).toEqual([]);
    for (const [tab, scope] of [
      [root, '/'],
      [one, '/a/'],
    ] as const) {
      expect(await read(tab)).toEqual({
        text: await readFile(join(origin.out(scope), 'data.txt'), 'utf8'),
        isOurs: true,
      });
    }
    expect(await remains(one)).toEqual({ ...all('/', '/a/'), caches: ['/', '/a/'] });

    // As long as a page of before is open, the browser hands out its old registration again.
    await origin.publish('/b/');
    const revived = await Promise.all([origin.visit(context, '/b/'), origin.visit(context, '/b/')]);
    for (const tab of revived) expect(await read(tab)).toEqual({ text, isOurs: true });
    await context.close();
  });
});

describe('an app', () => {
  const check = (tab: Page): Promise<string | undefined> =>
    tab.evaluate(() =>
      tabseed.checkForUpdate().then(
        () => undefined,
        (error: unknown) => String((error as { detail?: string }).detail),
      ),
    );
  const nothing = { workers: [], databases: [], locks: [], caches: [] };

  it('is removed by the signed pointer alone, leaves no trace when its worker starts once more, and comes back', async () => {
    const context = await origin.browser.newContext();
    const tab = await origin.visit(context, '/a/');
    await expect.poll(() => remains(tab), POLL).toMatchObject(all('/a/'));
    await origin.retireByPointer('/a/');
    expect(await check(tab)).toBe('retired');
    await expect.poll(() => remains(tab), POLL).toEqual(nothing);
    const text = await readFile(join(origin.out('/a/'), 'data.txt'), 'utf8');
    expect(await read(tab)).toEqual({ text, isOurs: false });
    // The page is still controlled: its next request starts the worker that was removed.
    await stopWorkers(context, tab);
    expect(await read(tab)).toEqual({ text, isOurs: false });
    expect(await remains(tab)).toEqual(nothing);
    // A client script from a cache registers the worker, which learns the same again.
    await tab.close();
    const late = await context.newPage();
    await late.goto(`${origin.stage.url}/a/`);
    expect(await failure(late)).toBe('TabseedError registration-failed');
    await expect.poll(() => remains(late), POLL).toEqual(nothing);
    await late.close();

    await origin.publish('/a/');
    const revived = await origin.visit(context, '/a/');
    expect(await read(revived)).toEqual({ text, isOurs: true });
    await context.close();
  });

  it('comes back under a page of before, although its worker script is the one that was retired', async () => {
    const context = await origin.browser.newContext();
    const old = await origin.visit(context, '/a/');
    await origin.retireByPointer('/a/');
    expect(await check(old)).toBe('retired');
    await expect.poll(() => remains(old), POLL).toEqual(nothing);
    await origin.publish('/a/');
    const text = await readFile(join(origin.out('/a/'), 'data.txt'), 'utf8');
    const revived = await Promise.all([origin.visit(context, '/a/'), origin.visit(context, '/a/')]);
    for (const tab of revived) expect(await read(tab)).toEqual({ text, isOurs: true });
    await context.close();
  });

  it('is removed by 410, and stays when the origin redirects, fails or refuses', async () => {
    const context = await origin.browser.newContext();
    const tab = await origin.visit(context, '/a/');
    for (const status of [302, 403, 503]) {
      origin.answer((path) => (path.startsWith('/a/') ? status : undefined));
      expect(await check(tab), String(status)).not.toBe('retired');
    }
    origin.answer((path) => (path === `/a/${POINTER_PATH}` ? 404 : undefined));
    await check(tab);
    expect(await remains(tab)).toMatchObject(all('/a/'));
    origin.answer((path) => (path === `/a/${POINTER_PATH}` ? 410 : undefined));
    await check(tab);
    await expect.poll(() => remains(tab), POLL).toEqual(nothing);
    origin.answer(() => undefined);
    await context.close();
  });

  it('is removed when pointer and worker script were missing an hour ago and are still', async () => {
    const context = await origin.browser.newContext();
    const tab = await origin.visit(context, '/a/');
    origin.answer((path) => (path === `/a/${POINTER_PATH}` || path === `/a/${WORKER_SCRIPT}` ? 404 : undefined));
    await check(tab);
    await check(tab);
    expect(await remains(tab)).toMatchObject(all('/a/'));
    expect(await letAnHourPass(tab)).toBe(true);
    await check(tab);
    await expect.poll(() => remains(tab), POLL).toEqual(nothing);
    origin.answer(() => undefined);
    await context.close();
  });
});

/** Sets back the time that the worker has noted. False when it has noted none. */
function letAnHourPass(tab: Page): Promise<boolean> {
  return tab.evaluate(
    () =>
      new Promise<boolean>((resolve, reject) => {
        void indexedDB.databases().then(([database]) => {
          const opening = indexedDB.open(database?.name ?? '');
          opening.onerror = () => reject(new Error('the records cannot be read'));
          opening.onsuccess = () => {
            const transaction = opening.result.transaction('records', 'readwrite');
            const records = transaction.objectStore('records');
            const noted = records.get('absent-since');
            noted.onsuccess = () => {
              if (typeof noted.result === 'number') records.put(noted.result - 60 * 60 * 1000, 'absent-since');
            };
            transaction.oncomplete = () => {
              opening.result.close();
              resolve(typeof noted.result === 'number');
            };
          };
        });
      }),
  );
}
