import { FOLDER, WORKER_SCRIPT } from '../protocol/layout.ts';
import type { Manifest, ReleaseFile } from '../protocol/manifest.ts';
import { pathOfUrl, type ReleasePath } from '../protocol/release-path.ts';
import { workerSettings } from '../protocol/settings.ts';

/** What a decision about a request depends on; nothing else of it is looked at. */
export type RequestFacts = Pick<Request, 'method' | 'url' | 'mode' | 'destination' | 'cache' | 'referrer' | 'headers'>;

/** `pass`: it goes to the network as if there were no worker. */
export type Route =
  | { readonly kind: 'pass' }
  /** A navigation with `?tabseed=off`: it and all that its page asks for goes to the network. */
  | { readonly kind: 'off' }
  /** A client script, which a page gets from the start cache if the origin has it not. */
  | { readonly kind: 'script' }
  /** Answered from the release if that has the path. */
  | { readonly kind: 'path'; readonly path: ReleasePath };

const PASS: Route = { kind: 'pass' };
const SWITCH_PARAMETER = 'tabseed';

/** Decides without a release, so that what is none of our business can pass before one has been read. */
export function route(facts: RequestFacts, scope: string): Route {
  const { method, cache } = facts;
  const url = new URL(facts.url);
  // Not the mode: same-origin scripts and images are `no-cors`.
  const isOurs = facts.url.startsWith(scope);
  if (!isOurs || (method !== 'GET' && method !== 'HEAD')) return PASS;
  const isNavigation = facts.mode === 'navigate';
  if (isNavigation && (isOff(url) || isFrameOfPageThatIsOff(facts))) return { kind: 'off' };
  // `only-if-cached` asks about the HTTP cache, which only the browser can answer.
  const bypassesCaches = cache === 'no-store' || cache === 'reload' || cache === 'only-if-cached';
  if (facts.headers.has('authorization') || (bypassesCaches && !isNavigation)) return PASS;
  const path = pathOfUrl(url.pathname.slice(new URL(scope).pathname.length));
  if (path === undefined || path === WORKER_SCRIPT) return PASS;
  if (path.startsWith(`${FOLDER}/`)) return path.endsWith('.js') ? { kind: 'script' } : PASS;
  return { kind: 'path', path: path === '' || path.endsWith('/') ? `${path}index.html` : path };
}

/**
 * The file with exactly this path; for a navigation to an address of a single-page app, that app's page. A directory
 * without its slash has none: the origin answers with its redirect.
 */
export function fileAt(manifest: Manifest, path: ReleasePath, mode?: RequestMode): ReleaseFile | undefined {
  // Ten thousand comparisons take a tenth of a millisecond.
  const found = manifest.files.find((file) => file.path === path);
  if (found) return found;
  const fallback = mode === 'navigate' && workerSettings(manifest.settings).fallback;
  return fallback && new RegExp(fallback[1]).test(path) ? fileAt(manifest, fallback[0]) : undefined;
}

function isOff(url: URL): boolean {
  return url.searchParams.get(SWITCH_PARAMETER) === 'off';
}

/** Frames ask with an empty client id; the referrer is all that says whose they are. */
function isFrameOfPageThatIsOff(facts: RequestFacts): boolean {
  return facts.destination.endsWith('frame') && URL.canParse(facts.referrer) && isOff(new URL(facts.referrer));
}
