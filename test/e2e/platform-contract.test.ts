import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright';
import { build, type Rolldown } from 'vite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { leanSimplePeer } from '../../lean-simple-peer.ts';
import type { StoredChunk } from '../../src/core/ports.ts';
import { clockContract } from '../contract/clock-contract.ts';
import { codecContract } from '../contract/codec-contract.ts';
import type { ContractCase } from '../contract/contract.ts';
import { digestContract } from '../contract/digest-contract.ts';
import { linkContract } from '../contract/link-contract.ts';
import type { PageTools, Suite } from '../contract/page.ts';
import { storeContract } from '../contract/store-contract.ts';
import { launchChromium } from '../setup/browser.ts';

declare const tools: PageTools;

/** Left in a page before it hangs. */
interface Hung {
  readonly chunks: ReturnType<PageTools['openBrowserDatabase']>['chunks'];
  readonly chunk: StoredChunk;
}

const ENTRY = join(import.meta.dirname, '../contract/page.ts');

let server: Server;
let browser: Browser;
let page: Page;
let context: BrowserContext | undefined;
let url: string;

/** The bundled suites, file name → code. */
async function bundle(): Promise<Map<string, string>> {
  const result = (await build({
    configFile: false,
    logLevel: 'error',
    // The simple-peer that pages get.
    plugins: [leanSimplePeer(['client'])],
    build: {
      write: false,
      minify: false,
      lib: { entry: ENTRY, formats: ['es'], fileName: 'page' },
    },
  })) as Rolldown.RolldownOutput[];
  const chunks = result.flatMap(({ output }) => output).filter((file) => file.type === 'chunk');
  return new Map(chunks.map((chunk) => [`/${chunk.fileName}`, chunk.code]));
}

beforeAll(async () => {
  const files = await bundle();
  server = createServer((request, response) => {
    const code = files.get(request.url ?? '');
    response.setHeader('Content-Type', code === undefined ? 'text/html' : 'text/javascript');
    response.end(code ?? '<!doctype html><title>contract</title><script type="module" src="/page.js"></script>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  browser = await launchChromium();
});

afterAll(async () => {
  await browser.close();
  server.close();
});

beforeEach(async () => {
  await context?.close();
  context = await browser.newContext();
  page = await context.newPage();
  await page.goto(url);
  await page.waitForFunction(() => 'tools' in globalThis);
});

function suite<Subject>(title: string, name: Suite, cases: readonly ContractCase<Subject>[]): void {
  describe(title, () => {
    it.each(cases.map((one) => one.name))('%s', async (caseName) => {
      await page.evaluate(([of, which]) => tools.runCase(of, which), [name, caseName] as const);
    });
  });
}

suite('simple-peer in Chromium', 'link', linkContract);
suite('the IndexedDB store in a page', 'store', storeContract);
suite('the system clock in Chromium', 'clock', clockContract);
suite('the codec of web streams', 'codec', codecContract);
suite('the digest of WebCrypto in Chromium', 'digest', digestContract);
suite('the incremental digest in Chromium', 'incrementalDigest', digestContract);

describe('the IndexedDB store in a worker', () => {
  it.each(storeContract.map(({ name }) => name))('%s', async (name) => {
    const outcome = await page.evaluate(
      (which) =>
        new Promise((resolve) => {
          const worker = new Worker('/page.js', { type: 'module' });
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => resolve(message);
          worker.postMessage(['store', which]);
        }),
      name,
    );
    expect(outcome).toBe('passed');
  });
});

describe('a link of simple-peer in Chromium', () => {
  it('tells the round trips of its path, and makes statistics only where there can be news', async () => {
    const seen = await page.evaluate(async () => {
      const prototype = RTCPeerConnection.prototype as { getStats: () => Promise<RTCStatsReport> };
      const original = prototype.getStats;
      let reports = 0;
      prototype.getStats = function (this: RTCPeerConnection) {
        reports += 1;
        return Reflect.apply(original, this, []);
      };
      const [link] = await tools.connect();
      const next = async (): Promise<number> => {
        for (;;) {
          const measured = await link.roundTripMs?.();
          if (measured !== undefined) return measured;
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
      };
      const first = await next();
      const before = reports;
      const repeated = [await link.roundTripMs?.(), await link.roundTripMs?.()];
      const made = reports - before;
      return { measured: [first, await next()], repeated, made };
    });
    // To the nearest millisecond, so 0 is one.
    for (const milliseconds of seen.measured) expect(milliseconds).toBeGreaterThanOrEqual(0);
    expect(seen.repeated).toEqual([undefined, undefined]);
    expect(seen.made).toBe(0);
  });
});

describe('the browser database', () => {
  it('keeps records and chunks apart, and sets all records of a call together', async () => {
    const seen = await page.evaluate(async () => {
      const owner = { app: 'records', scope: location.href };
      const { records, chunks, ...database } = tools.openBrowserDatabase(owner);
      await records.set({ pointer: new Uint8Array([1, 2]), active: { sequence: 7 } });
      const failed = await records.set({ active: { sequence: 8 }, bad: () => 1 }).catch((error: unknown) => error);
      await database.close();
      const again = tools.openBrowserDatabase(owner).records;
      const kept = [await again.get('pointer'), await again.get('active'), await again.get('bad')];
      return {
        kept: JSON.stringify(kept),
        code: (failed as { code?: string }).code,
        chunks: await chunks.list().catch((error: unknown) => (error as { code: string }).code),
      };
    });
    expect(seen).toEqual({
      kept: '[{"0":1,"1":2},{"sequence":7},null]',
      code: 'store-unavailable',
      after: undefined,
      chunks: 'store-unavailable',
    });
  });

  it('comes back when somebody deletes the database under it', async () => {
    const seen = await page.evaluate(async () => {
      const { records, chunks } = tools.openBrowserDatabase({ app: 'lost', scope: '/' });
      await records.set({ a: 1 });
      const [database] = await indexedDB.databases();
      await new Promise((resolve) => {
        indexedDB.deleteDatabase(database?.name ?? '').onsuccess = resolve;
      });
      await records.set({ b: 2 });
      return [database?.name, await records.get('a'), await records.get('b'), await chunks.list()];
    });
    expect(seen).toEqual(['tabseed lost /', undefined, 2, []]);
  });

  it('holds up no other tab when it hangs in the middle of an operation', async () => {
    const other = await page.context().newPage();
    await other.goto(url);
    await other.waitForFunction(() => 'tools' in globalThis);
    await page.evaluate(async () => {
      const { chunks } = tools.openBrowserDatabase({ app: 'hung', scope: '/' });
      const chunk = { encoding: 'identity', bytes: new Uint8Array(1000) } as const;
      await chunks.put(new Map([['0'.repeat(64), chunk]]));
      Object.assign(globalThis, { chunks, chunk });
    });
    const news = await other.evaluateHandle(() => {
      const channel = new BroadcastChannel('hung');
      return { ofHang: new Promise((resolve) => channel.addEventListener('message', resolve)) };
    });
    const hung = page.evaluate(async () => {
      const { chunks, chunk } = globalThis as unknown as Hung;
      void chunks.get(['0'.repeat(64)]);
      void chunks.put(new Map([['1'.repeat(64), chunk]]));
      // The requests have been made by then; their answers find the thread busy.
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      new BroadcastChannel('hung').postMessage('hangs');
      for (const endMs = performance.now() + 5000; performance.now() < endMs; );
      return 'the hanging tab';
    });
    const free = other.evaluate(async ({ ofHang }) => {
      await ofHang;
      const { chunks } = tools.openBrowserDatabase({ app: 'hung', scope: '/' });
      await chunks.put(new Map([['2'.repeat(64), { encoding: 'identity', bytes: new Uint8Array(1000) }]]));
      return (await chunks.list()).length;
    }, news);
    expect(await Promise.race([hung, free])).toBe(3);
    await hung;
  });

  it('says store-full at the quota, and keeps what was there', async () => {
    const session = await page.context().newCDPSession(page);
    await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(url).origin, quotaSize: 5_000_000 });
    const seen = await page.evaluate(async () => {
      const { chunks } = tools.openBrowserDatabase({ app: 'full', scope: '/' });
      const chunk = (seed: number) => {
        const bytes = new Uint8Array(200_000);
        for (let index = 0; index < bytes.length; index += 65_536) {
          crypto.getRandomValues(bytes.subarray(index, index + 65_536));
        }
        return [seed.toString(16).padStart(64, '0'), { encoding: 'identity', bytes }] as const;
      };
      let stored = 0;
      for (;;) {
        try {
          await chunks.put(new Map([chunk(stored)]));
          stored += 1;
        } catch (error) {
          return { code: (error as { code: string }).code, stored, listed: (await chunks.list()).length };
        }
      }
    });
    expect(seen.code).toBe('store-full');
    expect(seen.stored).toBeGreaterThan(3);
    expect(seen.listed).toBe(seen.stored);
  });

  it('says store-unavailable where storage is blocked, and when the browser never answers', async () => {
    const codes = await page.evaluate(async () => {
      const codeOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => (error as { code: string }).code);
      IDBFactory.prototype.open = () => {
        throw new DOMException('blocked', 'SecurityError');
      };
      const blocked = await codeOf(tools.openBrowserDatabase({ app: 'blocked', scope: '/' }).chunks.list());
      IDBFactory.prototype.open = () => ({}) as IDBOpenDBRequest;
      const silent = await codeOf(tools.openBrowserDatabase({ app: 'silent', scope: '/' }).chunks.list());
      return [blocked, silent];
    });
    expect(codes).toEqual(['store-unavailable', 'store-unavailable']);
  });
});
