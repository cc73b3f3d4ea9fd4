import { MAX_URL_CHARACTERS, MAX_URLS_PER_MESSAGE } from '../protocol/limits.ts';

/** The fields of PerformanceResourceTiming that matter here. */
export interface LoadedResource {
  readonly name: string;
  readonly startTime: number;
  /** HTTP status; 0 for what was given up, as a boot does. Missing where the browser does not tell. */
  readonly responseStatus?: number;
}

const FIRST_STATUS = 100;
const FIRST_ERROR_STATUS = 400;

/**
 * URLs of what this page loaded itself before the worker took control, so that the worker can take them from the HTTP
 * cache: inside the scope, each once, without fragment, in lists that fit into one message.
 *
 * @param seen URLs that were told before; the new ones are added to it.
 */
export function adoptableUrls(
  resources: readonly LoadedResource[],
  facts: { readonly scope: string; readonly controlledAt: number; readonly seen: Set<string> },
): string[][] {
  const urls: string[] = [];
  for (const { name, startTime, responseStatus = FIRST_STATUS } of resources) {
    const [url = ''] = name.split('#', 1);
    if (startTime > facts.controlledAt || responseStatus < FIRST_STATUS || responseStatus >= FIRST_ERROR_STATUS)
      continue;
    if (!url.startsWith(facts.scope) || url.length > MAX_URL_CHARACTERS || facts.seen.has(url)) continue;
    facts.seen.add(url);
    urls.push(url);
  }
  const lists: string[][] = [];
  for (let start = 0; start < urls.length; start += MAX_URLS_PER_MESSAGE) {
    lists.push(urls.slice(start, start + MAX_URLS_PER_MESSAGE));
  }
  return lists;
}

/**
 * Notes from now on what the page loads. An observer and not `getEntriesByType`: the browser's own list ends after 250
 * entries, which a large app exceeds. What it dropped before this script ran is read from the document's elements.
 */
export class FirstVisit {
  readonly #scope: string;
  readonly #seen = new Set<string>();
  readonly #resources: LoadedResource[] = [];
  #tell: ((urls: readonly string[]) => void) | undefined;
  #controlledAt = Number.POSITIVE_INFINITY;

  constructor(scope: string) {
    this.#scope = scope;
    const observer = new PerformanceObserver((list, _observer, { droppedEntriesCount = 0 } = {}) => {
      this.#resources.push(...(list.getEntries() as PerformanceResourceTiming[]));
      if (droppedEntriesCount > 0) this.#resources.push(...elementResources());
      this.#flush();
    });
    observer.observe({ type: 'navigation', buffered: true });
    observer.observe({ type: 'resource', buffered: true });
    // Kept for the page's life: an entry comes when its load ends, and a long one may have begun before control.
  }

  /** The worker controls the page: tells what was loaded without it, and what began without it whenever that ends. */
  controlled(now: number, tell: (urls: readonly string[]) => void): void {
    this.#controlledAt = now;
    this.#tell = tell;
    this.#flush();
  }

  #flush(): void {
    if (!this.#tell) return;
    const facts = { scope: this.#scope, controlledAt: this.#controlledAt, seen: this.#seen };
    for (const urls of adoptableUrls(this.#resources.splice(0), facts)) this.#tell(urls);
  }
}

/** What the elements of the document have loaded, or are loading; when, they do not say. */
function elementResources(): LoadedResource[] {
  const scripts = Array.from(document.scripts, ({ src }) => src);
  const images = Array.from(document.images, ({ currentSrc }) => currentSrc);
  const sheets = Array.from(document.styleSheets, ({ href }) => href ?? '');
  const now = performance.now();
  return [...scripts, ...images, ...sheets].filter((url) => url !== '').map((name) => ({ name, startTime: now }));
}
