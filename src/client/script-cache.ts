import { CLIENT_SCRIPT, FOLDER } from '../protocol/layout.ts';

export interface ScriptCachePorts {
  /** Gives what the page was loaded with, without a request where the browser still has it. */
  readonly fetch: (url: string) => Promise<Response>;
  readonly caches: Pick<CacheStorage, 'open'>;
  /** Of the start cache, which the worker looks into when the origin does not answer (`sw/start-cache.ts`). */
  readonly name: string;
  readonly scope: string;
}

/** Whether the publisher has put it there for pages, and not the app. */
export function isClientScript(url: string, scope: string): boolean {
  return url.startsWith(`${scope}${FOLDER}/`) && url.endsWith('.js');
}

/**
 * Lays down the client scripts among what the page has loaded: a page that is loaded while the origin is away takes part in
 * the swarm as before. They are whatever the origin had last; which release the page is of does not matter to them.
 *
 * @param loaded URLs, of any files
 *
 * @throws Error without caches or room. All goes on without.
 */
export async function keepScripts(
  { fetch, caches, name, scope }: ScriptCachePorts,
  loaded: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const entry = scope + CLIENT_SCRIPT;
  const urls = new Set(loaded.filter((url) => isClientScript(url, scope)));
  // The app's own bundle has the client in it.
  if (!urls.has(entry)) return;
  const cache = await caches.open(name);
  const before = await (await cache.match(entry))?.text();
  for (const url of urls) {
    // The names of all but one tell what is in them.
    if (url !== entry && (await cache.match(url))) continue;
    const response = await fetch(url);
    signal.throwIfAborted();
    if (response.ok) await cache.put(url, response);
  }
  if (before === (await (await cache.match(entry))?.text())) return;
  // Another client loads other parts.
  for (const { url } of await cache.keys()) {
    if (isClientScript(url, scope) && !urls.has(url)) await cache.delete(url);
  }
}
