import { once } from 'node:events';
import { mkdir, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createOriginServer,
  type ObservedResponse,
  type OriginServerOptions,
} from '../../../src/origin-server/index.ts';
import { POINTER_PATH, packPath } from '../../../src/protocol/layout.ts';
import { PublishedFolder, sha256, type TestFile } from './published-folder.ts';
import { type RawResponse, rawRequest } from './raw-request.ts';

const CSP = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
const DATA = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) % 251);
const SCRIPT = Buffer.from('console.log("tabseed");\n'.repeat(200));
const LEVEL = Buffer.from('level '.repeat(500));
const WASM = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0]);

const FILES: readonly TestFile[] = [
  {
    path: 'index.html',
    bytes: Buffer.from('<!doctype html><title>app</title>'),
    mediaType: 'text/html; charset=utf-8',
    headers: [
      ['content-security-policy', CSP],
      ['cross-origin-opener-policy', 'same-origin'],
      ['link', '</a.js>; rel=preload'],
      ['link', '</b.css>; rel=preload'],
      ['content-length', '1'],
    ],
  },
  { path: 'data.bin', bytes: DATA, headers: [['cache-control', 'public, max-age=60']] },
  { path: 'script.js', bytes: SCRIPT, mediaType: 'text/javascript; charset=utf-8', headers: [['vary', 'origin']] },
  { path: 'dir/index.html', bytes: Buffer.from('in dir'), mediaType: 'text/html' },
  { path: 'é ü.txt', bytes: Buffer.from('unicode'), mediaType: 'text/plain' },
  { path: 'game.data', bytes: gzipSync(LEVEL), plain: LEVEL },
  { path: 'game.wasm.br', bytes: brotliCompressSync(WASM), plain: WASM, mediaType: 'application/wasm' },
];

let folder: PublishedFolder;
let http: Server | undefined;
let url: string;

async function start(options: Partial<OriginServerOptions> = {}): Promise<string> {
  const origin = await createOriginServer({ root: folder.root, ...options });
  http = createServer(origin.handle);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<RawResponse> {
  return rawRequest(url, path, { method, headers });
}

async function stop(): Promise<void> {
  http?.closeAllConnections();
  await new Promise((resolve) => (http === undefined ? resolve(undefined) : http.close(resolve)));
  http = undefined;
}

beforeAll(async () => {
  folder = await PublishedFolder.create(FILES);
  await folder.write('script.js.br', brotliCompressSync(SCRIPT));
  await folder.write('script.js.gz', gzipSync(SCRIPT));
  await folder.write('deploy.json', '{}');
  await folder.write('secret.pem', 'key');
  await folder.write('.env', 'x');
  await folder.write('.well-known/assetlinks.json', '[]');
  await folder.write('excluded/app.mjs', 'export {};');
  await folder.write('excluded/site.webmanifest', '{}');
  await folder.write('excluded/code.wasm', WASM);
  await folder.write('empty.txt', '');
});

afterAll(() => folder.remove());
afterEach(stop);

describe('a file of the release', () => {
  it('comes with the media type and headers of the manifest, but never with framing from there', async () => {
    url = await start();
    const { status, headers, body } = await get('/');
    expect(status).toBe(200);
    expect(body.toString()).toContain('<title>app');
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': CSP,
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-cache',
      'content-length': String(body.length),
    });
    expect(headers.link).toBe('</a.js>; rel=preload, </b.css>; rel=preload');
    expect(headers.etag).toMatch(/"/);
  });

  it('has the publisher’s Cache-Control where there is one', async () => {
    url = await start();
    expect((await get('/data.bin')).headers['cache-control']).toBe('public, max-age=60');
  });

  it('is found under its percent-encoded name and with any query', async () => {
    url = await start();
    expect((await get(`/${encodeURIComponent('é ü.txt')}?v=2`)).body.toString()).toBe('unicode');
  });

  it('answers HEAD as GET without a body', async () => {
    url = await start();
    const [head, whole] = [await get('/data.bin', {}, 'HEAD'), await get('/data.bin')];
    expect(head.body).toHaveLength(0);
    expect({ ...head.headers, date: '' }).toEqual({ ...whole.headers, date: '' });
  });

  it('that was stored compressed keeps its Content-Encoding and is never cut into ranges', async () => {
    url = await start();
    const { status, headers, body } = await get('/game.wasm.br', { range: 'bytes=0-1' });
    expect(status).toBe(200);
    expect(headers['content-encoding']).toBe('br');
    expect(headers['content-type']).toBe('application/wasm');
    expect(brotliDecompressSync(body)).toEqual(Buffer.from(WASM));
    const unnamed = await get('/game.data');
    expect(unnamed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(unnamed.body)).toEqual(LEVEL);
  });

  it('of a release that was published meanwhile is served with the new headers', async () => {
    const other = await PublishedFolder.create([{ path: 'index.html', bytes: Buffer.from('one') }]);
    try {
      url = await start({ root: other.root });
      expect((await get('/')).headers['x-release']).toBeUndefined();
      await other.publish(2, [{ path: 'index.html', bytes: Buffer.from('two'), headers: [['x-release', '2']] }]);
      const answers = await Promise.all([get('/'), get('/'), get('/')]);
      expect(answers.map(({ headers }) => headers['x-release'])).toEqual(['2', '2', '2']);
      await other.write(POINTER_PATH, 'damaged');
      expect((await get('/')).headers['x-release']).toBe('2');
      await unlink(join(other.root, POINTER_PATH));
      expect((await get('/')).status).toBe(200);
    } finally {
      await other.remove();
    }
  });
});

describe('a conditional request', () => {
  it('is answered 304 by ETag or date, with the headers that a cache needs and no body', async () => {
    url = await start();
    const whole = await get('/');
    const byTag = await get('/', { 'if-none-match': `"other", ${whole.headers.etag}` });
    const byDate = await get('/', { 'if-modified-since': whole.headers['last-modified'] ?? '' });
    for (const answer of [byTag, byDate]) {
      expect(answer.status).toBe(304);
      expect(answer.body).toHaveLength(0);
      expect(answer.headers.etag).toBe(whole.headers.etag);
      expect(answer.headers['content-security-policy']).toBe(CSP);
    }
    expect((await get('/', { 'if-none-match': '"other"' })).status).toBe(200);
    expect((await get('/', { 'if-match': '"other"' })).status).toBe(412);
  });

  it('tells the variants of a file apart', async () => {
    url = await start();
    const plain = await get('/script.js');
    const brotli = await get('/script.js', { 'accept-encoding': 'br' });
    expect(plain.headers.etag).not.toBe(brotli.headers.etag);
    const again = await get('/script.js', { 'accept-encoding': 'br', 'if-none-match': brotli.headers.etag ?? '' });
    expect(again.status).toBe(304);
  });
});

describe('a Range request', () => {
  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=0-1', 0, 1],
    ['bytes=5-3000', 5, 3000],
    ['bytes=99990-', 99_990, 99_999],
    ['bytes=-10', 99_990, 99_999],
    ['bytes=-200000', 0, 99_999],
    ['bytes=99999-200000', 99_999, 99_999],
  ])('%s gets exactly those bytes', async (range, first, last) => {
    url = await start();
    const { status, headers, body } = await get('/data.bin', { range });
    expect(status).toBe(206);
    expect(headers['content-range']).toBe(`bytes ${first}-${last}/100000`);
    expect(headers['content-length']).toBe(String(last - first + 1));
    expect(body).toEqual(Buffer.from(DATA.subarray(first, last + 1)));
  });

  it.each(['bytes=100000-', 'bytes=100000-100001', 'bytes=-0', 'bytes=5-3'])('%s gets 416', async (range) => {
    url = await start();
    const { status, headers } = await get('/data.bin', { range });
    expect(status).toBe(416);
    expect(headers['content-range']).toBe('bytes */100000');
    expect(headers['cache-control']).toBe('no-store');
  });

  it.each(['bytes=0-1,5-6', 'bytes=x', 'chars=0-1', ''])('"%s" gets the whole file', async (range) => {
    url = await start();
    const { status, body } = await get('/data.bin', { range });
    expect(status).toBe(200);
    expect(body).toHaveLength(100_000);
  });

  it('is of plain bytes even where the client takes compressed ones', async () => {
    url = await start();
    const { status, headers, body } = await get('/script.js', { range: 'bytes=0-9', 'accept-encoding': 'br, gzip' });
    expect(status).toBe(206);
    expect(headers['content-encoding']).toBeUndefined();
    expect(body).toEqual(SCRIPT.subarray(0, 10));
  });

  it('with If-Range gets the range only of the file that the client knows', async () => {
    url = await start();
    const { headers } = await get('/data.bin');
    const known = await get('/data.bin', { range: 'bytes=0-9', 'if-range': headers.etag ?? '' });
    const other = await get('/data.bin', { range: 'bytes=0-9', 'if-range': '"other"' });
    expect([known.status, other.status]).toEqual([206, 200]);
  });
});

describe('a precompressed variant', () => {
  it('is sent to whom it suits, brotli first, and says that it varies', async () => {
    url = await start();
    const brotli = await get('/script.js', { 'accept-encoding': 'gzip, deflate, br' });
    const gzip = await get('/script.js', { 'accept-encoding': 'gzip, br;q=0' });
    const plain = await get('/script.js');
    expect([brotli, gzip, plain].map(({ headers }) => headers['content-encoding'])).toEqual(['br', 'gzip', undefined]);
    expect(brotliDecompressSync(brotli.body)).toEqual(SCRIPT);
    expect(gunzipSync(gzip.body)).toEqual(SCRIPT);
    expect(plain.body).toEqual(SCRIPT);
    for (const { headers } of [brotli, gzip, plain]) {
      expect(headers.vary).toBe('origin, Accept-Encoding');
      expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
    }
    expect((await get('/data.bin')).headers.vary).toBeUndefined();
  });
});

describe('Tabseed’s own files', () => {
  it('are immutable when named by their hash; the pointer is never stored', async () => {
    url = await start();
    const pack = await get(`/${packPath(sha256(DATA))}`, { range: 'bytes=10-19' });
    expect(pack.status).toBe(206);
    expect(pack.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(pack.body).toEqual(Buffer.from(DATA.subarray(10, 20)));
    expect((await get(`/${POINTER_PATH}`)).headers['cache-control']).toBe('no-store');
  });
});

describe('a file beside the release', () => {
  it.each([
    ['/excluded/app.mjs', 'text/javascript; charset=utf-8'],
    ['/excluded/site.webmanifest', 'application/manifest+json'],
    ['/excluded/code.wasm', 'application/wasm'],
    ['/.well-known/assetlinks.json', 'application/json; charset=utf-8'],
  ])('%s is served as %s', async (path, type) => {
    url = await start();
    const { status, headers } = await get(path);
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, type, 'no-cache']);
  });

  it('may be empty', async () => {
    url = await start();
    const { status, headers } = await get('/empty.txt');
    expect([status, headers['content-length']]).toEqual([200, '0']);
  });

  it.each(['/deploy.json', '/Deploy.json', '/secret.pem', '/.env', '/missing', '/data.bin/', '/data.bin/x'])(
    '%s is not found, and that is not cached',
    async (path) => {
      url = await start();
      const { status, headers, body } = await get(path);
      expect([status, headers['cache-control'], body.toString()]).toEqual([404, 'no-store', 'not found\n']);
    },
  );

  it.each([
    '/../package.json',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..%2f..%2fetc/passwd',
    '/dir/..%5c..%5cx',
    '//etc/passwd',
    '/%00',
    '/%',
  ])('cannot be reached out of the folder by %s', async (path) => {
    url = await start();
    expect((await get(path)).status).toBe(404);
  });
});

describe('other requests', () => {
  it('for a folder are sent to its index, with their query', async () => {
    url = await start();
    const { status, headers } = await get('/dir?x=1');
    expect([status, headers.location]).toEqual([301, '/dir/?x=1']);
    expect((await get('/dir/')).body.toString()).toBe('in dir');
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('by %s are refused', async (method) => {
    url = await start();
    const { status, headers } = await get('/', {}, method);
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it('for the signaling endpoint ask for an upgrade when there is one', async () => {
    url = await start({ signal: true });
    expect((await get('/tabseed/signal')).status).toBe(426);
    await stop();
    url = await start();
    expect((await get('/tabseed/signal')).status).toBe(404);
  });
});

describe('the hooks', () => {
  it('let a test answer, delay or cut a request, and count what was sent', async () => {
    const observed: ObservedResponse[] = [];
    url = await start({
      headers: { 'x-served-by': 'test' },
      onResponse: (response) => observed.push(response),
      intercept: async (request, response) => {
        await Promise.resolve();
        if (request.url === '/down') {
          response.writeHead(503).end('away');
          return true;
        }
        if (request.url === '/cut') {
          response.writeHead(200, { 'content-length': '10' });
          response.write('12345', () => response.destroy());
          return true;
        }
        return false;
      },
    });
    expect((await get('/down')).status).toBe(503);
    await expect(get('/cut')).rejects.toThrow();
    expect((await get('/data.bin?x', { range: 'bytes=0-9' })).headers['x-served-by']).toBe('test');
    await get('/data.bin', {}, 'HEAD');
    await get('/script.js', { 'accept-encoding': 'br' });
    await expect.poll(() => observed.length).toBe(5);
    const common = { method: 'GET', range: undefined, complete: true };
    expect(observed).toEqual([
      { ...common, path: '/down', status: 503, bytes: 4 },
      { ...common, path: '/cut', status: 200, bytes: 5, complete: false },
      { ...common, path: '/data.bin', status: 206, bytes: 10, range: 'bytes=0-9' },
      { ...common, path: '/data.bin', status: 200, bytes: 0, method: 'HEAD' },
      { ...common, path: '/script.js', status: 200, bytes: brotliCompressSync(SCRIPT).length },
    ]);
  });

  it('report what lies behind a 500 to the operator and not to the client', async () => {
    const errors: unknown[] = [];
    url = await start({
      onError: (error) => errors.push(error),
      intercept: () => {
        throw new Error('disk on fire at /secret/place');
      },
    });
    const { status, body } = await get('/');
    expect([status, body.toString()]).toEqual([500, 'internal error\n']);
    expect(errors).toEqual([new Error('disk on fire at /secret/place')]);
  });
});

describe('a folder that cannot be served', () => {
  it.each([
    ['that is missing', undefined, 'out-missing'],
    ['without a release', {}, 'release-missing'],
    ['with a damaged pointer', { [POINTER_PATH]: 'junk' }, 'release-damaged'],
  ])(
    '%s is refused in one line that says what to do',
    async (_name, files: Record<string, string> | undefined, code) => {
      const root = await mkdtemp(join(tmpdir(), 'tabseed-origin-'));
      try {
        await mkdir(join(root, 'tabseed'));
        for (const [path, text] of Object.entries(files ?? {})) await writeFile(join(root, path), text);
        const failed = createOriginServer({ root: files === undefined ? join(root, 'nowhere') : root });
        await expect(failed).rejects.toMatchObject({ code });
        await expect(failed).rejects.toThrow(/^[^\n]+publish[^\n]*$/);
      } finally {
        await rm(root, { recursive: true });
      }
    },
  );

  it('because its manifest was altered is refused', async () => {
    const other = await PublishedFolder.create([{ path: 'a.txt', bytes: Buffer.from('a') }]);
    try {
      const manifest = await other.publish(2, [{ path: 'a.txt', bytes: Buffer.from('b') }]);
      await other.write(manifest, 'altered');
      await expect(createOriginServer({ root: other.root })).rejects.toMatchObject({ code: 'release-damaged' });
    } finally {
      await other.remove();
    }
  });
});
