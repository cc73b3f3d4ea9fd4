import type { HeaderSet, ReleaseFile } from '../protocol/manifest.ts';
import { answerRange } from './range.ts';

/** The request headers that change an answer. */
export interface ConditionalHeaders {
  readonly range: string | null;
  readonly ifRange: string | null;
  readonly ifNoneMatch: string | null;
}

/** A response but for its bytes and the file's own headers. */
export interface ResponsePlan {
  readonly status: 200 | 206 | 304 | 416;
  readonly headers: HeaderSet;
  /** Which of the file's bytes the body has; `undefined` for no body at all. */
  readonly body: { readonly first: number; readonly bytes: number } | undefined;
}

/**
 * Headers that a response never takes over: those of one connection (RFC 9110, 7.6.1), those that describe bytes as
 * sent, those that a script cannot set, and those that are said here.
 */
const NEVER_TAKEN = new RegExp(
  '^(?:connection|keep-alive|transfer-encoding|upgrade|set-cookie2?|age|date|expires|' +
    'content-(?:encoding|length|range|type)|accept-ranges|cache-control|etag|server-timing)$',
);

/** Of the headers that the file came with, those that its response has too. */
export function takenOver(headers: HeaderSet): HeaderSet {
  return headers.filter(([name]) => !NEVER_TAKEN.test(name));
}

export function planResponse(
  request: ConditionalHeaders & { readonly method: string },
  file: ReleaseFile,
): ResponsePlan {
  const etag = `"${file.hash}"`;
  const common: HeaderSet = [
    // With a `max-age`, Chromium's memory cache would go on serving it after a reload without asking the worker.
    ['cache-control', 'no-cache'],
    ['etag', etag],
  ];
  if (matches(request.ifNoneMatch, etag)) return { status: 304, headers: common, body: undefined };

  const described: HeaderSet = [...common, ['content-type', file.mediaType], ['accept-ranges', 'bytes']];
  const isHead = request.method === 'HEAD';
  // A range is defined for GET alone.
  const range = answerRange(isHead ? null : request.range, request.ifRange, { bytes: file.plainBytes, etag });
  switch (range.kind) {
    case 'none':
      return {
        status: 416,
        headers: [...described, ['content-range', `bytes */${file.plainBytes}`], ['content-length', '0']],
        body: undefined,
      };
    case 'part': {
      const bytes = range.last - range.first + 1;
      const contentRange = `bytes ${range.first}-${range.last}/${file.plainBytes}`;
      return {
        status: 206,
        headers: [...described, ['content-range', contentRange], ['content-length', String(bytes)]],
        body: { first: range.first, bytes },
      };
    }
    case 'whole':
      return {
        status: 200,
        headers: [...described, ['content-length', String(file.plainBytes)]],
        body: isHead ? undefined : { first: 0, bytes: file.plainBytes },
      };
    default:
      return range satisfies never;
  }
}

/** Weak comparison, as RFC 9110, 13.1.2 asks for `If-None-Match`. */
function matches(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
