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
  /** The file is stored compressed; its release bytes are the decoded ones. */
  readonly contentEncoding: ContentEncoding | undefined;
  readonly headers: HeaderSet;
}

const ENCODING_NAMES: Readonly<Record<string, ContentEncoding>> = { br: 'br', gzip: 'gzip', deflate: 'deflate' };

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
  return { mediaType: rules.get('content-type') ?? mediaTypeOf(name), contentEncoding, headers };
}

export function isHtml(mediaType: string): boolean {
  return /^text\/html(?:$|[;\s])/i.test(mediaType);
}

function mediaTypeOf(path: ReleasePath): string {
  const mediaType = lookup(extname(path)) ?? 'application/octet-stream';
  return mediaType.startsWith('text/') ? `${mediaType};charset=utf-8` : mediaType;
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
