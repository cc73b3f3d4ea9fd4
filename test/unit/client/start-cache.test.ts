import { describe, expect, it } from 'vitest';
import { StartCache } from '../../../src/client/start-cache.ts';
import { planResponse } from '../../../src/core/response-plan.ts';
import { responseHeaders } from '../../../src/platform/response-headers.ts';
import { chunksOfFile, type Manifest, type ReleaseFile } from '../../../src/protocol/manifest.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { randomFiles, tinyRelease } from '../../fakes/tiny-release.ts';

const KIB = 1024;
const SCOPE = 'https://app.example/';
const NAME = 'tabseed app https://app.example/';
const ROOM = 1e9;

/** As much of CacheStorage as is used, with one cache. */
class FakeCaches {
  readonly entries = new Map<string, Response>();
  isThere = false;
  isFull = false;

  has(): Promise<boolean> {
    return Promise.resolve(this.isThere);
  }

  open(): Promise<Cache> {
    this.isThere = true;
    const cache: Pick<Cache, 'match' | 'put' | 'delete' | 'keys'> = {
      match: (key) => Promise.resolve(this.entries.get(urlOf(key))?.clone()),
      put: (key, response) => {
        if (this.isFull) return Promise.reject(new DOMException('no room', 'QuotaExceededError'));
        this.entries.set(urlOf(key), response);
        return Promise.resolve();
      },
      delete: (key) => Promise.resolve(this.entries.delete(urlOf(key))),
      keys: () => Promise.resolve([...this.entries.keys()].map((url) => new Request(url))),
    };
    return Promise.resolve(cache as Cache);
  }
}

function urlOf(key: RequestInfo | URL): string {
  return key instanceof Request ? key.url : String(key);
}

/** A script of 100 KiB, another of 200, a small one, and a file of 300 KiB that is no script. */
function release(): { manifest: Manifest; scripts: ReleaseFile[] } {
  const files = randomFiles(new SeededRandom(testSeed()), [100 * KIB, 200 * KIB, KIB, 300 * KIB]);
  const { manifest } = tinyRelease({ sequence: 1, files, chunkBytes: 64 * KIB, chunksPerPack: 99, deflate: false });
  const typed = manifest.files.map((file) => ({
    ...file,
    mediaType: file.plainBytes === 300 * KIB ? 'image/png' : 'text/javascript',
  }));
  const scripts = typed.filter(({ plainBytes }) => plainBytes === 100 * KIB || plainBytes === 200 * KIB);
  return { manifest: { ...manifest, files: typed }, scripts };
}

async function setUp(kept: (file: ReleaseFile) => boolean = () => true) {
  const { manifest, scripts } = release();
  const store = new MemoryStore();
  const chunks = manifest.files.filter(kept).flatMap((file) => chunksOfFile(manifest, file));
  await store.put(new Map(chunks.map(({ id }) => [id, { encoding: 'identity', bytes: new Uint8Array(8) }])));
  const caches = new FakeCaches();
  const fetched: string[] = [];
  const answer = { source: 'store' };
  const cache = new StartCache({
    store,
    caches,
    name: NAME,
    scope: SCOPE,
    fetch: (url) => {
      fetched.push(url);
      const file = manifest.files.find(({ path }) => SCOPE + path === url) as ReleaseFile;
      const plan = planResponse({ method: 'GET', range: null, ifRange: null, ifNoneMatch: null }, file);
      return Promise.resolve(new Response('body', { headers: responseHeaders([], plan, answer.source) }));
    },
  });
  const urls = scripts.map(({ path }) => SCOPE + path);
  const fill = (bytes = ROOM, signal = new AbortController().signal) => cache.fill(manifest, bytes, signal);
  return { manifest, cache, caches, fetched, urls, answer, fill };
}

describe('the start cache', () => {
  it('gets scripts from 32 KiB on, each once, and nothing else', async () => {
    const { cache, caches, fetched, urls, fill } = await setUp();
    expect(await fill()).toBe(true);
    expect([...caches.entries.keys()].sort()).toEqual([...urls].sort());
    expect(await cache.bytes()).toBe(300 * KIB);
    expect(await fill()).toBe(true);
    // Once to be laid down, and once to be checked.
    expect(fetched).toHaveLength(4);
  });

  it('waits for files that are not whole in the store', async () => {
    const { caches, urls, fill } = await setUp(({ plainBytes }) => plainBytes === 100 * KIB);
    expect(await fill()).toBe(false);
    expect([...caches.entries.keys()]).toEqual(urls.slice(0, 1));
  });

  it('stays within its room, and lets go of what does not belong there', async () => {
    const { manifest, caches, urls, fill } = await setUp();
    caches.isThere = true;
    caches.entries.set(`${SCOPE}former.js`, new Response('former'));
    expect(await fill(150 * KIB)).toBe(true);
    expect([...caches.entries.keys()]).toEqual(urls.slice(0, 1));
    expect(await fill(0)).toBe(true);
    expect([...caches.entries.keys()]).toEqual([]);
    expect(manifest.files).toHaveLength(4);
  });

  it('takes nothing that the worker did not answer from the store as this release has it', async () => {
    const { caches, answer, fill } = await setUp();
    answer.source = 'mixed';
    await expect(fill()).rejects.toThrow('another file');
    expect(caches.entries.size).toBe(0);
  });

  it('gives up where there is no room left, and is not made anew by a tab that leads no more', async () => {
    const { caches, fill } = await setUp();
    caches.isFull = true;
    await expect(fill()).rejects.toThrow('no room');
    const stopped = await setUp();
    await expect(stopped.fill(ROOM, AbortSignal.abort())).rejects.toThrow();
    expect(stopped.caches.isThere).toBe(false);
  });
});
