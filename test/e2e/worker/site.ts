import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright';
import { createOriginServer, type ObservedResponse } from '../../../src/origin-server/index.ts';
import type { WorkerMessage, WorkerStatus } from '../../../src/protocol/bridge-message.ts';
import type { ReleaseNews } from '../../../src/protocol/release-news.ts';
import type { Mode } from '../../../src/protocol/settings.ts';
import { type BuiltScripts, generateKey, publish } from '../../../src/publisher/index.ts';

type Files = Readonly<Record<string, string | Uint8Array>>;

interface SiteOptions {
  readonly files: Files;
  readonly scripts: BuiltScripts;
  /** Contents of `_headers`: what the release knows. @default none */
  readonly headers?: string;
  /** What the server adds by itself: what the release does not know. @default none */
  readonly serverHeaders?: Readonly<Record<string, string>>;
  readonly exclude?: readonly string[];
  readonly development?: boolean;
  /** Where it is not `off`, the worker waits for a leader that may be starting. @default "site" */
  readonly mode?: Mode;
}

/** A published app on an origin whose answers a test controls; no signaling, no engine: the worker alone. */
export class Site {
  readonly url: string;
  readonly port: number;
  /** Answers so far; requests for Tabseed's pointer and manifest are not in it. */
  readonly responses: ObservedResponse[] = [];
  /** May answer a request itself and return true. */
  intercept: (request: IncomingMessage, response: ServerResponse, path: string) => boolean = () => false;
  readonly #folder: string;
  readonly #options: SiteOptions;
  readonly #key: string;
  readonly #server: Server;

  private constructor(folder: string, options: SiteOptions, key: string, server: Server, port: number) {
    this.#folder = folder;
    this.#options = options;
    this.#key = key;
    this.#server = server;
    this.port = port;
    this.url = `http://127.0.0.1:${port}/`;
  }

  static async open(options: SiteOptions): Promise<Site> {
    const folder = await mkdtemp(join(tmpdir(), 'tabseed-site-'));
    const key = generateKey().pem;
    await publishInto(folder, options, key, options.files);
    const origin = await createOriginServer({
      root: join(folder, 'out'),
      ...(options.serverHeaders === undefined ? {} : { headers: options.serverHeaders }),
      intercept: (request, response) => {
        const path = decodeURIComponent(new URL(request.url ?? '/', 'http://origin').pathname);
        return site.intercept(request, response, path);
      },
      onResponse: (observed) => {
        if (!/^\/tabseed\/(?:pointer|manifest)/.test(observed.path)) site.responses.push(observed);
      },
    });
    const server = createServer(origin.handle);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const site = new Site(folder, options, key, server, (server.address() as AddressInfo).port);
    return site;
  }

  /** The next release. */
  async republish(files: Files): Promise<void> {
    await publishInto(this.#folder, this.#options, this.#key, files);
  }

  /** Requests whose path matches get a 503 from now on. */
  refuse(matches: (path: string) => boolean): void {
    this.intercept = (_, response, path) => {
      if (!matches(path)) return false;
      response.statusCode = 503;
      response.end();
      return true;
    };
  }

  /** Paths of GET requests answered since the answer with index `since`. */
  served(since = 0): string[] {
    return this.responses.slice(since).flatMap(({ method, path }) => (method === 'GET' ? [path] : []));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true });
  }
}

async function publishInto(folder: string, options: SiteOptions, key: string, files: Files): Promise<void> {
  const source = join(folder, 'source');
  await rm(source, { recursive: true, force: true });
  const all = options.headers === undefined ? files : { ...files, _headers: options.headers };
  for (const [path, content] of Object.entries(all)) {
    await mkdir(dirname(join(source, path)), { recursive: true });
    await writeFile(join(source, path), content);
  }
  const { scripts, exclude, development, mode } = options;
  await publish({ source, out: join(folder, 'out'), key, scripts, exclude, development, mode, inject: false });
}

/** A tab of a new user, once the worker controls it. */
export async function controlledPage(browser: Browser, site: Site): Promise<Page> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(site.url);
  await takeControl(page);
  return page;
}

/** Registers the worker and waits until it controls the page. */
export async function takeControl(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const controlled = new Promise((resolve) => {
      navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true });
    });
    await navigator.serviceWorker.register('/tabseed-sw.js', { updateViaCache: 'none' });
    if (navigator.serviceWorker.controller === null) await controlled;
  });
}

/** A tab in a browser without service workers. */
export async function plainPage(browser: Browser, site: Site): Promise<Page> {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  const page = await context.newPage();
  await page.goto(site.url);
  return page;
}

/** Tells the worker what the page had loaded, as the client script does, and waits until all of it is in the store. */
export async function adopt(page: Page, paths: readonly string[]): Promise<void> {
  await ask(page, { type: 'loaded', urls: paths });
  // A prefetch waits for the adoption, and what is in the store then is not fetched.
  await prefetch(page, paths.slice(0, 1));
}

/** Brings files into the store. Resolves with the worker's reply. */
export function prefetch(page: Page, paths: readonly string[]): Promise<unknown> {
  return askForReply(page, { type: 'prefetch', urls: paths });
}

export function check(page: Page): Promise<unknown> {
  return askForReply(page, { type: 'check', intervalMs: 0 });
}

/** Says, as a leader does, that all of the next release is in the store. */
export async function stage(page: Page): Promise<void> {
  const { news } = await status(page);
  const { update } = news as ReleaseNews;
  await ask(page, { type: 'staging', progress: { ...update, staged: true } });
}

function ask(page: Page, message: unknown): Promise<void> {
  return page.evaluate((data) => navigator.serviceWorker.controller?.postMessage({ tabseed: data }), message);
}

function askForReply(page: Page, message: unknown): Promise<unknown> {
  return page.evaluate(
    (data) =>
      new Promise<unknown>((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = (event) => resolve(event.data);
        navigator.serviceWorker.controller?.postMessage({ tabseed: data }, [port2]);
      }),
    message,
  );
}

/** What the worker says of itself. */
export function status(page: Page): Promise<Status> {
  return page.evaluate(
    () =>
      new Promise<Status>((resolve) => {
        navigator.serviceWorker.addEventListener('message', function listen({ data }: MessageEvent<Posted>) {
          if (data.tabseed.type !== 'status') return;
          navigator.serviceWorker.removeEventListener('message', listen);
          resolve(data.tabseed.status);
        });
        navigator.serviceWorker.startMessages();
        navigator.serviceWorker.controller?.postMessage({ tabseed: { type: 'watch', version: 1, release: 0 } });
      }),
  );
}

interface Posted {
  readonly tabseed: WorkerMessage;
}

type Status = Pick<WorkerStatus, 'release' | 'traffic' | 'news'>;

/** Kills every service worker of the browser, as a browser does that needs the memory. */
export async function stopWorkers(context: BrowserContext, page: Page): Promise<void> {
  const session = await context.newCDPSession(page);
  await session.send('ServiceWorker.enable');
  await session.send('ServiceWorker.stopAllWorkers');
  await session.detach();
}

export interface Fetched {
  readonly status: number;
  readonly type: string;
  readonly redirected: boolean;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 in hex. */
  readonly hash: string;
  readonly bytes: number;
}

/** One `fetch` of the page. `error` in place of all else when it rejects. */
export function fetchIn(page: Page, url: string, init: RequestInit = {}): Promise<Fetched | { error: string }> {
  return page.evaluate(
    async ([target, options]) => {
      try {
        const response = await fetch(target, options);
        const body = await response.arrayBuffer();
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
        return {
          status: response.status,
          type: response.type,
          redirected: response.redirected,
          url: response.url,
          headers: Object.fromEntries(response.headers),
          hash: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''),
          bytes: body.byteLength,
        };
      } catch (error) {
        return { error: error instanceof Error ? error.name : String(error) };
      }
    },
    [url, init] as const,
  );
}

/** The same, for a request that must succeed. */
export async function fetched(page: Page, url: string, init: RequestInit = {}): Promise<Fetched> {
  const result = await fetchIn(page, url, init);
  if ('error' in result) throw new Error(`fetch of ${url} failed: ${result.error}`);
  return result;
}

/** Where the worker says that an answer came from; `undefined` when it did not come from the worker. */
export function sourceOf(answer: Fetched): string | undefined {
  return /tabseed;desc="(\w+)"/.exec(answer.headers['server-timing'] ?? '')?.[1];
}

/** The totals that the worker has recorded. */
export function savedTraffic(page: Page): Promise<unknown> {
  return page.evaluate(async () => {
    const [info] = await indexedDB.databases();
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(info?.name ?? '');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error('open failed'));
    });
    const saved = await new Promise<unknown>((resolve) => {
      const request = database.transaction('records').objectStore('records').get('traffic');
      request.onsuccess = () => resolve(request.result);
    });
    database.close();
    return saved;
  });
}

/** Changes what is stored in the worker's database: empties its chunks, or flips a bit of each. */
export function spoilStore(page: Page, how: 'empty' | 'damage'): Promise<number> {
  return page.evaluate(async (mode) => {
    const [info] = await indexedDB.databases();
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(info?.name ?? '');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error('open failed'));
    });
    const transaction = database.transaction('chunks', 'readwrite');
    const store = transaction.objectStore('chunks');
    let changed = 0;
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = reject;
      const cursors = store.openCursor();
      cursors.onsuccess = () => {
        const cursor = cursors.result;
        if (cursor === null) return;
        changed += 1;
        if (mode === 'empty') {
          cursor.delete();
        } else {
          const value = cursor.value as { encoding: string; bytes: Uint8Array };
          value.bytes[0] = (value.bytes[0] ?? 0) ^ 1;
          cursor.update(value);
        }
        cursor.continue();
      };
    });
    database.close();
    return changed;
  }, how);
}
