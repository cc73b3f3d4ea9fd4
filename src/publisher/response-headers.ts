import { extname } from 'node:path/posix';
import { lookup } from 'mrmime';
import type { HeaderSet } from '../protocol/manifest.ts';
import type { ReleasePath } from '../protocol/release-path.ts';
import { PublishError } from './errors.ts';
import type { ResponseHeaders } from './headers-file.ts';

/** How a file's bytes are stored, when the server declares it with Content-Encoding. */
export type ContentEncoding = 'br' | 'gzip' | 'deflate';

/** What a response for one file says. */
export interface FileResponse {
  readonly mediaType: string;
  /** The media type was chosen by the file's name and says UTF-8, which the file may not be. */
  readonly assumesUtf8: boolean;
  /** The file is stored compressed; its release bytes are the decoded ones. */
  readonly contentEncoding: ContentEncoding | undefined;
  readonly headers: HeaderSet;
}

const ENCODING_NAMES: Readonly<Record<string, ContentEncoding>> = { br: 'br', gzip: 'gzip', deflate: 'deflate' };

const UTF8 = ';charset=utf-8';

/** Facts about one transfer or one client, which no stored response may repeat. */
const NOT_REPEATABLE = new Set([
  'accept-ranges',
  'age',
  'connection',
  'content-length',
  'content-range',
  'date',
  'etag',
  'keep-alive',
  'last-modified',
  'set-cookie',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** @throws PublishError `option-invalid` on a Content-Encoding that is not known. */
export function responseOf(path: ReleasePath, rules: ResponseHeaders): FileResponse {
  const contentEncoding = contentEncodingOf(path, rules.get('content-encoding'));
  const name = contentEncoding === undefined ? path : path.replace(/\.(?:br|gz)$/, '');
  const headers = [...rules].filter(
    ([header]) => header !== 'content-type' && header !== 'content-encoding' && !NOT_REPEATABLE.has(header),
  );
  const stated = rules.get('content-type');
  const mediaType = stated ?? mediaTypeOf(name);
  return { mediaType, assumesUtf8: stated === undefined && mediaType.endsWith(UTF8), contentEncoding, headers };
}

/** The media type of a file whose charset only its reader can find out, from a meta tag or the page around it. */
export function withoutCharset(mediaType: string): string {
  return mediaType.slice(0, -UTF8.length);
}

export function isHtml(mediaType: string): boolean {
  return /^text\/html(?:$|[;\s])/i.test(mediaType);
}

export function mediaTypeOf(path: ReleasePath): string {
  const mediaType = lookup(extname(path)) ?? 'application/octet-stream';
  return mediaType.startsWith('text/') ? `${mediaType}${UTF8}` : mediaType;
}

function contentEncodingOf(path: ReleasePath, value: string | undefined): ContentEncoding | undefined {
  if (value === undefined || value === 'identity') return undefined;
  const known = ENCODING_NAMES[value.toLowerCase()];
  if (known === undefined) {
    throw new PublishError(
      'option-invalid',
      `${path} has Content-Encoding "${value}": only br, gzip and deflate are known`,
    );
  }
  return known;
}
