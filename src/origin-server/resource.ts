import { POINTER_PATH } from '../protocol/layout.ts';
import { isReleasePath, pathOfUrl, type ReleasePath } from '../protocol/release-path.ts';

/** A request's URL taken apart. */
export interface Target {
  /** Path of the file that is meant, `dir/` being `dir/index.html`; `undefined` when no file can have this URL. */
  readonly path: ReleasePath | undefined;
  /** The URL path as it came, without the query, starting with `/`. */
  readonly urlPath: string;
  /** `?…`, or empty. */
  readonly query: string;
}

const INDEX = 'index.html';

export function targetOf(requestUrl: string): Target {
  // A proxy may send the absolute form (RFC 9112, 3.2.2).
  const relative = requestUrl.replace(/^https?:\/\/[^/?]*/i, '') || '/';
  const queryStart = relative.indexOf('?');
  const urlPath = queryStart < 0 ? relative : relative.slice(0, queryStart);
  const query = queryStart < 0 ? '' : relative.slice(queryStart);
  return { path: pathOf(urlPath), urlPath, query };
}

function pathOf(urlPath: string): ReleasePath | undefined {
  if (!urlPath.startsWith('/')) return undefined;
  const decoded = pathOfUrl(urlPath.slice(1));
  if (decoded === undefined) return undefined;
  const path = decoded === '' || decoded.endsWith('/') ? `${decoded}${INDEX}` : decoded;
  return isReleasePath(path) ? path : undefined;
}

/**
 * What lies in OUT but is nobody's business: the upload plan, rules for hosts, private keys, and dotfiles. A release may
 * publish a certificate; a key that merely lies there it does not.
 *
 * @param isPublished Whether the path is a file of the release.
 */
export function isHidden(path: ReleasePath, isPublished: boolean): boolean {
  // Lower case because some file systems do not tell `Deploy.json` from `deploy.json`.
  const name = path.toLowerCase();
  if (name === 'deploy.json') return true;
  const [first = '', ...rest] = name.split('/');
  if (rest.some((segment) => segment.startsWith('.'))) return true;
  if (first.startsWith('.') && first !== '.well-known') return true;
  return !isPublished && (name === '_headers' || /\.(?:pem|key)$/.test(name));
}

const HASH_NAMED = /^tabseed\/(?:(?:pack|manifest)-[0-9a-f]{64}\.bin|[\w-]+-[\w-]{8}\.js)$/;

/** Cache-Control of a file that the publisher gave none. */
export function cacheControl(path: ReleasePath): string {
  // A year is what RFC 9111 caches treat as for ever.
  if (HASH_NAMED.test(path)) return 'public, max-age=31536000, immutable';
  if (path === POINTER_PATH) return 'no-store';
  // HTML and the worker script must be asked for each time; so is everything else whose name may get new content, at
  // the price of one 304.
  return 'no-cache';
}

/** A cached error outlives its cause: the file may be published a second later. */
export const ERROR_CACHE_CONTROL = 'no-store';
