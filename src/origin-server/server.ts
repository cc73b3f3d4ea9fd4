import { stat } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { resolve } from 'node:path';
import { lookup } from 'mrmime';
import send from 'send';
import { pathToUrl, type ReleasePath } from '../protocol/release-path.ts';
import { SIGNAL_PATH } from '../protocol/signal-message.ts';
import { CurrentRelease, type PublishedFile } from './current-release.ts';
import { OriginServerError } from './errors.ts';
import { type ObservedResponse, observeResponse } from './observed-response.ts';
import { type Representation, representationOf, satisfiableRange } from './representation.ts';
import { cacheControl, ERROR_CACHE_CONTROL, isHidden, type Target, targetOf } from './resource.ts';

export interface OriginServerOptions {
  /** OUT of `tabseed publish`. */
  readonly root: string;
  /** Added to every response, below what the release says. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** A signaling server listens on the same port: its URL asks for an upgrade instead of being unknown. @default false */
  readonly signal?: boolean;
  /** Called first; a request that it answers (or will answer) with `true` goes no further. For tests and benchmarks. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;
  readonly onResponse?: (observed: ObservedResponse) => void;
  /** What lies behind a 500: a damaged publish, a disk that fails. */
  readonly onError?: (error: unknown) => void;
}

/** Serves a published folder as any good static host would, with the response headers of its manifest. */
export interface OriginServer {
  /** To be given to `http.createServer`. */
  readonly handle: RequestListener;
}

/** Framing belongs to the server, the media type is a field of its own. */
const HEADERS_OF_OURS = new Set([
  'accept-ranges',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'etag',
  'keep-alive',
  'last-modified',
  'transfer-encoding',
  'upgrade',
]);

/** @throws OriginServerError when the folder holds no release that can be read. */
export async function createOriginServer(options: OriginServerOptions): Promise<OriginServer> {
  const root = resolve(options.root);
  const isFolder = await stat(root).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new OriginServerError('out-missing', `${options.root} is not a folder: name the OUT of tabseed publish`);
  }
  const release = new CurrentRelease(root);
  await release.files();
  const folder = new PublishedFolder(root, release, options);
  return { handle: (request, response) => void folder.handle(request, response) };
}

class PublishedFolder {
  readonly #root: string;
  readonly #release: CurrentRelease;
  readonly #options: OriginServerOptions;

  constructor(root: string, release: CurrentRelease, options: OriginServerOptions) {
    this.#root = root;
    this.#release = release;
    this.#options = options;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { intercept, onResponse, headers } = this.#options;
    if (onResponse !== undefined) observeResponse(request, response, onResponse);
    try {
      if ((await intercept?.(request, response)) === true) return;
      for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
      await this.#answer(request, response);
    } catch (error) {
      this.#options.onError?.(error);
      // The client gets no details of the machine.
      fail(response, 500, error instanceof OriginServerError ? error.code : 'internal error');
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = targetOf(request.url ?? '/');
    if (this.#options.signal === true && target.urlPath.endsWith(`/${SIGNAL_PATH}`)) {
      response.setHeader('Upgrade', 'websocket');
      fail(response, 426, 'this is a WebSocket endpoint');
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      fail(response, 405, 'only GET and HEAD');
      return;
    }
    if (target.path === undefined) {
      fail(response, 404, 'not found');
      return;
    }
    await this.#answerFile(request, response, target, target.path);
  }

  async #answerFile(
    request: IncomingMessage,
    response: ServerResponse,
    target: Target,
    path: ReleasePath,
  ): Promise<void> {
    const published = (await this.#release.latestReadableFiles()).get(path);
    const found = isHidden(path, published !== undefined)
      ? undefined
      : await representationOf(this.#root, path, published, {
          acceptEncoding: request.headers['accept-encoding']?.toString() ?? '',
          hasRange: request.headers.range !== undefined,
        });
    if (found === undefined) {
      fail(response, 404, 'not found');
    } else if (found === 'directory') {
      response.setHeader('Location', `${target.urlPath}/${target.query}`);
      fail(response, 301, 'moved');
    } else {
      setHeaders(response, path, published, found);
      sendFile(request, response, this.#root, found);
    }
  }
}

function setHeaders(
  response: ServerResponse,
  path: ReleasePath,
  published: PublishedFile | undefined,
  found: Representation,
): void {
  response.setHeader('Cache-Control', cacheControl(path));
  const seen = new Set<string>();
  for (const [name, value] of published?.headers ?? []) {
    if (HEADERS_OF_OURS.has(name)) continue;
    // The first one replaces a default, the next ones of the same name are lines of their own.
    if (seen.has(name)) response.appendHeader(name, value);
    else response.setHeader(name, value);
    seen.add(name);
  }
  response.setHeader('Content-Type', published?.mediaType ?? mediaTypeOf(path));
  if (found.encoding !== undefined) response.setHeader('Content-Encoding', found.encoding);
  if (found.varies) response.appendHeader('Vary', 'Accept-Encoding');
}

function mediaTypeOf(path: ReleasePath): string {
  const mediaType = lookup(path) ?? 'application/octet-stream';
  const isText = mediaType.startsWith('text/') || mediaType === 'application/json';
  return isText ? `${mediaType}; charset=utf-8` : mediaType;
}

/**
 * `send` does conditional requests, ranges and streaming. sirv 3.0.2 lost: it ends the process on `Range: bytes=5-3`,
 * answers `bytes=0-0` with the whole file and `bytes=-10` with the first 11 bytes, and ignores If-Modified-Since.
 */
function sendFile(request: IncomingMessage, response: ServerResponse, root: string, found: Representation): void {
  const { range } = request.headers;
  if (range !== undefined) request.headers.range = satisfiableRange(range, found.fileBytes);
  send(request, pathToUrl(found.path), {
    root,
    acceptRanges: found.acceptsRanges,
    cacheControl: false,
    dotfiles: 'allow',
    index: false,
  })
    .on('error', (error: { status?: number; headers?: Record<string, string> }) => {
      const status = error.status ?? 500;
      fail(response, status, status === 404 ? 'not found' : `status ${status}`, error.headers);
    })
    .on('directory', () => fail(response, 404, 'not found'))
    .pipe(response);
}

function fail(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const name of ['Content-Encoding', 'Content-Length', 'ETag', 'Last-Modified']) response.removeHeader(name);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('Cache-Control', ERROR_CACHE_CONTROL);
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.statusCode = status;
  response.end(`${text}\n`);
}
