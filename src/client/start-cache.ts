import type { ChunkStore } from '../core/ports.ts';
import { planResponse } from '../core/response-plan.ts';
import { isStartFile } from '../core/start-file.ts';
import { responseHeaders } from '../platform/response-headers.ts';
import { chunksOfFile, type Manifest } from '../protocol/manifest.ts';
import { pathToUrl } from '../protocol/release-path.ts';
import { isClientScript } from './script-cache.ts';

export interface StartCachePorts {
  readonly store: Pick<ChunkStore, 'list'>;
  /** Goes through the worker, as any request of a page. */
  readonly fetch: (url: string) => Promise<Response>;
  readonly caches: Pick<CacheStorage, 'has' | 'open'>;
  /** Of the cache, which the worker reads (`sw/start-cache.ts`). */
  readonly name: string;
  readonly scope: string;
}

/** What a `GET` of the whole file asks with. */
const PLAIN_GET = { method: 'GET', range: null, ifRange: null, ifNoneMatch: null };

/** Lays down whole what pages start with: a browser keeps the compiled code of that, and gets a large file sooner. */
export class StartCache {
  readonly #ports: StartCachePorts;

  constructor(ports: StartCachePorts) {
    this.#ports = ports;
  }

  /**
   * Lays down the files of the active release that are in the store, and takes away what it does not have any more.
   * Resolves with whether all are there now that there is room for.
   *
   * @throws Error without caches, store or room, or when the worker answers with something else, as it does to a page
   *   that is pinned to another release. All goes on without.
   */
  async fill(manifest: Manifest, limitBytes: number, signal: AbortSignal): Promise<boolean> {
    const { store, caches, fetch, name, scope } = this.#ports;
    let roomBytes = limitBytes;
    const files = manifest.files.filter((file) => {
      const fits = isStartFile(file) && file.plainBytes <= roomBytes;
      if (fits) roomBytes -= file.plainBytes;
      return fits;
    });
    // An app without such files has no cache either.
    if (files.length === 0 && !(await caches.has(name))) return true;
    const stored = new Set(await store.list());
    // Closed meanwhile, it might have been deleted with the rest: it is not to be made anew.
    signal.throwIfAborted();
    const cache = await caches.open(name);
    const urls = new Set<string>();
    let isWhole = true;
    for (const file of files) {
      const url = new URL(pathToUrl(file.path), scope).href;
      urls.add(url);
      const headers = responseHeaders(
        manifest.headerSets[file.headerSet] ?? [],
        planResponse(PLAIN_GET, file),
        'store',
      );
      const found = await cache.match(url);
      if (found && String([...found.headers]) === String([...headers])) continue;
      if (!chunksOfFile(manifest, file).every(({ id }) => stored.has(id))) {
        isWhole = false;
        continue;
      }
      // As it comes: of a response that a script has made Chromium keeps no compiled code.
      const response = await fetch(url);
      if (String([...response.headers]) !== String([...headers])) {
        void response.body?.cancel();
        throw new Error('the worker answers with another file, or has it not whole');
      }
      signal.throwIfAborted();
      await cache.put(url, response);
      // The worker checks what it reads first: before a page waits for it.
      await (await fetch(url)).body?.cancel();
    }
    for (const { url } of await cache.keys()) {
      if (!urls.has(url) && !isClientScript(url, scope)) await cache.delete(url);
    }
    return isWhole;
  }

  /** Bytes in it, which the store's limit counts too. Never rejects. */
  async bytes(): Promise<number> {
    const { caches, name } = this.#ports;
    try {
      if (!(await caches.has(name))) return 0;
      const cache = await caches.open(name);
      const found = await Promise.all((await cache.keys()).map((key) => cache.match(key)));
      return found.reduce((sum, response) => sum + Number(response?.headers.get('content-length')), 0);
    } catch {
      // No caches here.
      return 0;
    }
  }
}
