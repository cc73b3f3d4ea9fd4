import type { Digest } from '../core/ports.ts';
import type { ReleaseFile } from '../protocol/manifest.ts';

/**
 * Files that a page starts with, as whole responses that a leader has laid down (`client/start-cache.ts`): a browser keeps
 * compiled code beside what it gets out of a cache, unchanged, and not beside a stream.
 */
export class StartCache {
  readonly #name: string;
  readonly #digest: Digest;
  /** What this worker has checked. */
  readonly #sound = new Set<string>();

  constructor(name: string, digest: Digest) {
    this.#name = name;
    this.#digest = digest;
  }

  /** Never rejects: `undefined` for what is not there, or not exactly this. */
  async match(url: string, file: ReleaseFile, headers: Headers): Promise<Response | undefined> {
    try {
      const found = await this.#find(url);
      // Of another release, whose file has another hash, or whose headers say something else.
      if (!found || String([...found.headers]) !== String([...headers])) return undefined;
      const key = file.hash + url;
      if (this.#sound.has(key)) return found;
      // Once in the life of a worker: a disk lies, and every script of the origin can write here.
      if ((await this.#digest.sha256(new Uint8Array(await found.arrayBuffer()))) === file.hash) {
        this.#sound.add(key);
        return await this.#find(url);
      }
      // It is laid down anew, out of the chunks.
      await caches.delete(this.#name);
    } catch {
      // No caches here, or they are gone.
    }
    return undefined;
  }

  /**
   * A client script: the origin's where that has one, for what is here may be too old for this worker, or broken, and bring
   * no other ever. Rejects where neither has it.
   */
  async script(request: Request): Promise<Response> {
    const asked = fetch(request);
    const response = await asked.catch(() => undefined);
    return response?.ok ? response : ((await this.#find(request)) ?? asked);
  }

  #find(request: RequestInfo): Promise<Response | undefined> {
    return caches.match(request, { cacheName: this.#name });
  }
}
