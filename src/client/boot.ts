/**
 * The first script of a page that was published with `--boot`, a classic one. At a browser's first visit it stops the
 * page, has the worker fetch the page's own files, from peers where there are any, and loads the page anew, through the
 * worker. Everybody else gets the page as it is: crawlers, readers without scripts, browsers without what peers need.
 */
import type { Tabseed } from './api.ts';

/** The page loads plainly then, whatever has come: a connection to a peer takes 0.3 to 1.5 s, and a page must not wait. */
const BOOT_DEADLINE_MS = 3000;
/** What has come is in memory first: the engine writes 200 ms after the last chunk, and the next document reads the disk. */
const WRITTEN_MS = 500;
const LET_GO_MS = 200;
/** Once a tab: what fails must not fail again and again. The time is for who measures it. */
const MARK = 'tabseed boot';
/** Crawlers that run scripts name themselves so. They keep nothing, and have no peers. */
const CRAWLER = /bot\b|crawl|spider|preview|lighthouse|facebookexternalhit/i;
/** What a page names in its HTML: scripts, styles, modules to preload, images. */
const REFERENCE = /<(?:script|link|img)\b[^>]*?\s(?:src|href)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi;

const script = document.currentScript as HTMLScriptElement | null;
if (script && isFirstVisit()) {
  stop();
  showProgress();
  void Promise.race([wait(BOOT_DEADLINE_MS), fill(new URL('client.js', script.src).href)])
    .catch(() => undefined) // The page does not need us.
    // While its script is still being asked for, the browser does not answer.
    .then(() => Promise.race([letGo(), wait(LET_GO_MS)]))
    .catch(() => undefined) // Then it is as slow as the worker.
    .then(() => location.reload());
}

/** A worker that has not taken over yet may wait 10 s for its first release, and a navigation would wait with it. */
async function letGo(): Promise<void> {
  const { serviceWorker } = navigator;
  if (serviceWorker.controller) return;
  await (await serviceWorker.getRegistration())?.unregister();
}

function isFirstVisit(): boolean {
  const { userAgent, serviceWorker, locks, connection } = navigator as Partial<Navigator> & {
    readonly connection?: { readonly saveData?: boolean };
  };
  if (!serviceWorker || serviceWorker.controller || !locks || !('RTCPeerConnection' in globalThis)) return false;
  if (self !== top || connection?.saveData || CRAWLER.test(userAgent ?? '')) return false;
  if (new URLSearchParams(location.search).get('tabseed') === 'off') return false;
  const [load] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
  if (load?.type !== 'navigate') return false;
  try {
    if (sessionStorage.getItem(MARK) !== null) return false;
    sessionStorage.setItem(MARK, String(Date.now()));
    return true;
  } catch {
    // Storage is blocked: nothing could be kept.
    return false;
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** No text: nobody knows the page's language yet. Styled by script, which every policy allows. */
function showProgress(): void {
  document.documentElement.style.colorScheme = 'light dark';
  const progress = document.createElement('progress');
  progress.setAttribute('aria-label', document.title || location.host);
  Object.assign(progress.style, { position: 'fixed', inset: '0 0 auto', width: '100%' });
  // The head is all that was parsed.
  const body = document.body as HTMLElement | null;
  (body ?? document.documentElement.appendChild(document.createElement('body'))).append(progress);
}

/** Resolves when the store has what the page names. */
async function fill(client: string): Promise<void> {
  await import(/* @vite-ignore */ client);
  const { tabseed } = globalThis as { readonly tabseed?: Tabseed };
  if (!tabseed) return; // Retired.
  await tabseed.ready;
  const html = await (await fetch(location.href)).text();
  const urls = [...html.matchAll(REFERENCE)].map(([, double, single, bare]) => double ?? single ?? bare ?? '');
  // One by one: what is no file of the release is the page's own matter.
  await Promise.allSettled([...new Set(urls)].map((url) => tabseed.prefetch([url.replaceAll('&amp;', '&')])));
  await wait(WRITTEN_MS);
}
