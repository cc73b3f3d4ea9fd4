import { MAX_PATH_BYTES } from './limits.ts';
import { encodeUtf8 } from './utf8.ts';

/**
 * A file's path in a release: relative to the scope, `/` between segments, Unicode text that is percent-encoded when it
 * becomes a URL.
 */
export type ReleasePath = string;

// Control characters and `\` mean different things to different servers; a release must mean the same everywhere.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const FORBIDDEN_CHARACTERS = /[\u0000-\u001f\u007f\\]/;

/** No segment may be empty, `.` or `..`. */
const FORBIDDEN_SEGMENT = /^\.{0,2}$/;

export function isReleasePath(path: string): boolean {
  return (
    !FORBIDDEN_CHARACTERS.test(path) &&
    !/\p{Surrogate}/u.test(path) &&
    !isTooLong(path) &&
    !path.split('/').some((segment) => FORBIDDEN_SEGMENT.test(segment))
  );
}

/** Says why a path cannot be part of a release, or `undefined` when it can. */
export function pathProblem(path: string): string | undefined {
  if (isReleasePath(path)) return undefined;
  if (path === '') return 'it is empty';
  if (FORBIDDEN_CHARACTERS.test(path)) return 'it has a control character or a backslash';
  if (/\p{Surrogate}/u.test(path)) return 'it is not valid Unicode';
  if (isTooLong(path)) return `it is longer than ${MAX_PATH_BYTES} bytes`;
  return `it has a segment "${path.split('/').find((segment) => FORBIDDEN_SEGMENT.test(segment)) ?? ''}"`;
}

function isTooLong(path: string): boolean {
  // UTF-8 needs at most three bytes per code unit: paths of ordinary length need not be encoded to be measured.
  return path.length * 3 > MAX_PATH_BYTES && encodeUtf8(path).length > MAX_PATH_BYTES;
}

/** `dir/a b.js` → `dir/a%20b.js`: the URL path relative to the scope. */
export function pathToUrl(path: ReleasePath): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** The inverse of `pathToUrl`; `undefined` when the URL path is not validly percent-encoded. */
export function pathOfUrl(urlPath: string): ReleasePath | undefined {
  try {
    const segments = urlPath.split('/').map(decodeURIComponent);
    // `%2F` is a slash inside a segment, which no path of a release has.
    return segments.some((segment) => segment.includes('/')) ? undefined : segments.join('/');
  } catch {
    // A malformed escape names no file of any release; the request goes to the network as it is.
    return undefined;
  }
}
