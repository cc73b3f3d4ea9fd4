import { createHash, randomBytes } from 'node:crypto';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BuiltScripts } from '../../src/publisher/index.ts';
import { launchChromium } from '../setup/browser.ts';
import {
  adopt,
  controlledPage,
  fetched,
  fetchIn,
  plainPage,
  prefetch,
  Site,
  sourceOf,
  status,
  takeControl,
} from './worker/site.ts';
import { buildWorker } from './worker/worker-script.ts';

const BIG = randomBytes(3_000_000);
const FILES = {
  'index.html': '<!doctype html><title>home</title><link rel="icon" href="data:,"><p>home</p>',
  'docs/index.html': '<!doctype html><title>docs</title><p>docs</p>',
  'app.js': 'globalThis.loaded = true;\n',
  'style.css': 'p { color: green }\n',
  'worker.js': 'postMessage(self.crossOriginIsolated)\n',
  'a b é.txt': 'spaces and accents\n',
  'empty.txt': '',
  'big.bin': BIG,
  'private/secret.txt': 'not part of the release\n',
};
const HEADERS = [
  '/*',
  "  Content-Security-Policy: default-src 'self' 'unsafe-inline'",
  '  Cross-Origin-Opener-Policy: same-origin',
  '  Cross-Origin-Embedder-Policy: require-corp',
  '  Permissions-Policy: geolocation=()',
  '  X-Content-Type-Options: nosniff',
  '/style.css',
  '  X-Mine: yes',
  '',
].join('\n');

let browser: Browser;
let scripts: BuiltScripts;

beforeAll(async () => {
  [browser, scripts] = await Promise.all([launchChromium(), buildWorker()]);
});

afterAll(async () => {
  await browser.close();
});

describe('a page under the worker', () => {
  let site: Site;
  let other: Site;
  let withWorker: Page;
  let without: Page;

  beforeAll(async () => {
    const cors = { 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' };
    site = await Site.open({ files: FILES, scripts, headers: HEADERS, exclude: ['private/**'] });
    other = await Site.open({ files: FILES, scripts, serverHeaders: cors });
    [withWorker, without] = await Promise.all([controlledPage(browser, site), plainPage(browser, site)]);
  });

  afterAll(async () => {
    await Promise.all([site.close(), other.close()]);
  });

  /** What may differ: when and over which connection an answer came. */
  const lasting = (headers: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(headers).filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name)),
    );

  const passing: [string, string, RequestInit?][] = [
    ['an unknown path', 'nothing-here.js'],
    ['a path that is an escape of none', '%ff'],
    ['an excluded file', 'private/secret.txt'],
    ['a POST', 'app.js', { method: 'POST', body: 'x' }],
    ['a DELETE', 'app.js', { method: 'DELETE' }],
    ['a directory without its slash', 'docs'],
    ["a file of Tabseed's own", 'tabseed/client.js'],
    ['the worker script', 'tabseed-sw.js'],
    ['a request with Authorization', 'app.js', { headers: { Authorization: 'Bearer x' } }],
    ['a request past all caches', 'app.js', { cache: 'no-store' }],
    ['a range of an unknown path', 'nothing-here.js', { headers: { Range: 'bytes=0-1' } }],
  ];
  it.each(passing)('gets %s as without the worker', async (_, path, init) => {
    const [one, two] = await Promise.all([fetched(withWorker, `/${path}`, init), fetched(without, `/${path}`, init)]);
    // A redirect leads to a file, which the worker may answer like any other.
    if (!two.redirected) {
      expect(sourceOf(one)).toBeUndefined();
      expect({ ...one, headers: lasting(one.headers) }).toEqual({ ...two, headers: lasting(two.headers) });
    }
    expect([one.status, one.url, one.redirected, one.hash]).toEqual([two.status, two.url, two.redirected, two.hash]);
  });

  it('gets files of another origin as without the worker', async () => {
    const url = `${other.url}app.js`;
    // The policy of these pages forbids it to both.
    expect(await fetchIn(withWorker, url)).toEqual(await fetchIn(without, url));
  });

  const answered: [string, string, RequestInit?][] = [
    ['a script', 'app.js'],
    ['a style sheet with a header of its own', 'style.css'],
    ['a path with escapes', 'a%20b%20%C3%A9.txt'],
    ['a file with a query string', 'app.js?v=2'],
    ['an empty file', 'empty.txt'],
    ['a directory', 'docs/'],
    ['a large file', 'big.bin'],
    ['HEAD', 'app.js', { method: 'HEAD' }],
    ['the first two bytes', 'big.bin', { headers: { Range: 'bytes=0-1' } }],
    ['a range in the middle', 'big.bin', { headers: { Range: 'bytes=1000000-2000000' } }],
    ['a range to the end', 'big.bin', { headers: { Range: 'bytes=2999990-' } }],
    ['a range past the end', 'big.bin', { headers: { Range: 'bytes=2999990-9999999' } }],
    ['the last bytes', 'big.bin', { headers: { Range: 'bytes=-10' } }],
    ['a range behind the end', 'big.bin', { headers: { Range: 'bytes=3000000-' } }],
    ['a version that it has not', 'big.bin', { headers: { 'If-None-Match': '"other"' } }],
  ];
  it.each(answered)('gets %s from the worker with the same status, headers and bytes', async (_, path, init) => {
    const [one, two] = await Promise.all([fetched(withWorker, `/${path}`, init), fetched(without, `/${path}`, init)]);
    expect(sourceOf(one)).toBeDefined();
    expect([one.status, one.bytes]).toEqual([two.status, two.bytes]);
    // An error's body is the server's own text.
    if (two.status < 400) expect(one.hash).toBe(two.hash);
    const own = new Set(['etag', 'cache-control', 'last-modified', 'vary', 'server-timing', 'accept-ranges']);
    const same = (headers: Readonly<Record<string, string>>) =>
      Object.fromEntries(Object.entries(lasting(headers)).filter(([name]) => !own.has(name)));
    if (two.status < 400) expect(same(one.headers)).toEqual(same(two.headers));
  });

  it('is told with 304 that it has the file already', async () => {
    const { headers } = await fetched(withWorker, '/app.js');
    const again = await fetched(withWorker, '/app.js', { headers: { 'If-None-Match': headers.etag ?? '' } });
    expect([again.status, again.bytes, sourceOf(again)]).toEqual([304, 0, 'store']);
    expect(headers.etag).toBe(`"${createHash('sha256').update(FILES['app.js']).digest('hex')}"`);
  });

  it('runs scripts, styles and workers, isolated as before', async () => {
    await withWorker.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const script = document.createElement('script');
          Object.assign(script, { src: '/app.js', onload: resolve, onerror: reject });
          document.head.append(script);
        }),
    );
    await withWorker.reload();
    const isolated = await withWorker.evaluate(
      () =>
        new Promise((resolve) => {
          new Worker('/worker.js').onmessage = ({ data }) => resolve([data, crossOriginIsolated]);
        }),
    );
    expect(isolated).toEqual([true, true]);
  });
});

describe('headers that the server adds and the release does not know', () => {
  const serverHeaders = {
    'Content-Security-Policy': "default-src 'self' 'unsafe-inline'",
    'Content-Security-Policy-Report-Only': "script-src 'none'",
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=()',
    'Referrer-Policy': 'no-referrer',
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
  };
  const protecting = (headers: Readonly<Record<string, string>>) =>
    Object.keys(serverHeaders).map((name) => [name, headers[name.toLowerCase()]]);
  let site: Site;

  beforeAll(async () => {
    site = await Site.open({ files: FILES, scripts, serverHeaders });
  });

  afterAll(() => site.close());

  it('are on documents and workers that come from the store, also when the server is away', async () => {
    const page = await controlledPage(browser, site);
    await adopt(page, ['/', '/worker.js']);
    await prefetch(page, ['/docs/']);
    site.refuse(() => true);
    for (const path of ['', 'docs/']) {
      const response = await page.goto(site.url + path);
      expect(response?.fromServiceWorker()).toBe(true);
      expect(protecting((await response?.allHeaders()) ?? {})).toEqual(Object.entries(serverHeaders));
    }
    site.intercept = () => false;
    await page.goto(site.url);
    const isolated = await page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker('/worker.js');
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = () => reject(new Error('the worker was blocked'));
        }),
    );
    expect(isolated).toBe(true);
  });

  it('make the network answer when they are unknown and the server does not say', async () => {
    const page = await controlledPage(browser, site);
    await prefetch(page, ['/docs/']);
    site.intercept = (request, response) => {
      if (request.method === 'HEAD') response.writeHead(405).end();
      return request.method === 'HEAD';
    };
    const response = await page.goto(`${site.url}docs/`);
    expect(sourceOf({ headers: (await response?.allHeaders()) ?? {} } as never)).toBeUndefined();
    expect(protecting((await response?.allHeaders()) ?? {})).toEqual(Object.entries(serverHeaders));
    site.intercept = () => false;
  });
});

describe('the first visit', () => {
  it('is taken from the HTTP cache into the store: nothing is fetched a second time', async () => {
    const cacheable = { 'Cache-Control': 'max-age=600' };
    const site = await Site.open({ files: FILES, scripts, serverHeaders: cacheable });
    const page = await (await browser.newContext()).newPage();
    await page.goto(site.url);
    await page.evaluate(() =>
      Promise.all(['/app.js', '/big.bin'].map((url) => fetch(url).then((r) => r.arrayBuffer()))),
    );
    await takeControl(page);
    await adopt(page, ['/', '/app.js', '/big.bin', '/nothing-here', 'https://example.org/']);
    const { traffic } = await status(page);
    expect(traffic.plain.origin).toBe(0);
    const before = site.responses.length;
    const big = await fetched(page, '/big.bin');
    expect([sourceOf(big), big.hash]).toEqual(['store', createHash('sha256').update(BIG).digest('hex')]);
    expect(site.served(before)).toEqual([]);
    const content = site.served().filter((path) => path !== '/tabseed-sw.js');
    expect(content.sort()).toEqual(['/', '/app.js', '/big.bin']);
    await site.close();
  });
});
