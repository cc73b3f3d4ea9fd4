import { planResponse, type ResponsePlan } from '../core/response-plan.ts';
import { isStartFile } from '../core/start-file.ts';
import type { LoadedRelease } from '../platform/release-source.ts';
import { responseHeaders } from '../platform/response-headers.ts';
import { chunksOfFile, type HeaderSet, type PackedChunk, type ReleaseFile } from '../protocol/manifest.ts';
import { RELEASE_TIMING } from '../protocol/server-timing.ts';
import { bodyStream } from './body-stream.ts';
import type { Delivery } from './delivery.ts';
import type { DocumentHeaders } from './document-headers.ts';
import type { StartCache } from './start-cache.ts';

/** A page waits for all of a small file; from here on it is bulk (DESIGN.md, Words). */
const BULK_FILE_BYTES = 1024 * 1024;

/** Answers requests for files of a release. */
export class Responder {
  readonly #delivery: Delivery;
  readonly #documents: DocumentHeaders;
  readonly #startCache: StartCache;

  constructor(delivery: Delivery, documents: DocumentHeaders, startCache: StartCache) {
    this.#delivery = delivery;
    this.#documents = documents;
    this.#startCache = startCache;
  }

  /**
   * Resolves when the first byte is there; the rest comes as the body is read. `event.waitUntil` gets what the worker must
   * stay alive for.
   *
   * @throws Error when the network must answer instead: no source has the beginning, or protecting headers are unknown.
   */
  async responseFor(
    event: Pick<FetchEvent, 'request' | 'waitUntil'>,
    release: LoadedRelease,
    file: ReleaseFile,
  ): Promise<Response> {
    const { request } = event;
    const plan = planResponse(
      {
        method: request.method,
        range: request.headers.get('range'),
        ifRange: request.headers.get('if-range'),
        ifNoneMatch: request.headers.get('if-none-match'),
      },
      file,
    );
    const headers = this.#headersOf(request, release, file);
    // Of an empty body nothing is to be had from anywhere.
    if (!plan.body?.bytes) return responseOf(plan, await headers, null, 'store', release, file);

    if (plan.status === 200 && isStartFile(file)) {
      const kept = await this.#startCache.match(request.url, file, responseHeaders(await headers, plan, 'store'));
      if (kept) {
        this.#delivery.count('store', file.plainBytes, 0);
        return kept;
      }
    }

    const { chunks, skipBytes } = chunksOfRange(chunksOfFile(release.manifest, file), plan.body);
    const isUrgent = request.mode === 'navigate' || file.plainBytes < BULK_FILE_BYTES;
    const feed = this.#delivery.feed(release.manifest, file, chunks, isUrgent ? 'urgent' : 'bulk');
    event.waitUntil(feed.done.then(() => this.#delivery.writer.whenWritten));
    try {
      // Together: the server may have to be asked for headers, and a page does not wait for one after the other.
      const [own, first] = await Promise.all([headers, feed.next()]);
      if (!first) throw new Error('the feed is empty');
      const [onlySource = 'mixed'] = feed.cameFrom.size === 1 ? feed.cameFrom : [];
      const body = bodyStream(feed, first, { skipBytes, bytes: plan.body.bytes });
      return responseOf(plan, own, body, onlySource, release, file);
    } catch (error) {
      feed.cancel();
      throw error;
    }
  }

  async #headersOf(request: Request, release: LoadedRelease, file: ReleaseFile): Promise<HeaderSet> {
    const own = release.manifest.headerSets[file.headerSet] ?? [];
    if (!isDocument(file) && !EXECUTION_CONTEXT.test(request.destination)) return own;
    const headers = await this.#documents.of(file, own);
    if (!headers) throw new Error(`the headers of ${file.path} are unknown`);
    return headers;
  }
}

/** Destinations whose response headers say what may run, besides documents. */
const EXECUTION_CONTEXT = /document|frame|worker/;

/** True for files whose security headers are remembered. */
export function isDocument(file: ReleaseFile): boolean {
  return /\/x?html\b/i.test(file.mediaType);
}

/** The chunks that hold these bytes, and how many of the first one's bytes come before them. */
export function chunksOfRange(
  all: readonly PackedChunk[],
  range: { readonly first: number; readonly bytes: number },
): { chunks: readonly PackedChunk[]; skipBytes: number } {
  let startByte = 0;
  let startIndex = 0;
  for (const chunk of all) {
    if (startByte + chunk.plainBytes > range.first) break;
    startByte += chunk.plainBytes;
    startIndex += 1;
  }
  const skipBytes = range.first - startByte;
  let endIndex = startIndex;
  for (let leftBytes = skipBytes + range.bytes; leftBytes > 0; endIndex += 1) {
    leftBytes -= (all[endIndex] as PackedChunk).plainBytes;
  }
  return { chunks: all.slice(startIndex, endIndex), skipBytes };
}

function responseOf(
  plan: ResponsePlan,
  own: HeaderSet,
  body: ReadableStream<Uint8Array> | null,
  source: string,
  { manifest }: LoadedRelease,
  file: ReleaseFile,
): Response {
  // The source is known at the start only: what comes later may come from elsewhere.
  const headers = responseHeaders(own, plan, source);
  // What stays in the start cache from release to release does not name one.
  if (!isStartFile(file)) headers.append('server-timing', `${RELEASE_TIMING};desc="${manifest.sequence}"`);
  return new Response(body as BodyInit | null, { status: plan.status, headers });
}
