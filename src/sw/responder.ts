import type { LoadedRelease } from '../platform/release-source.ts';
import type { SourceName } from '../protocol/bridge-message.ts';
import { chunksOfFile, type HeaderSet, type PackedChunk, type ReleaseFile } from '../protocol/manifest.ts';
import { RELEASE_TIMING, SOURCE_TIMING } from '../protocol/server-timing.ts';
import { bodyStream } from './body-stream.ts';
import type { Delivery } from './delivery.ts';
import type { DocumentHeaders } from './document-headers.ts';
import { planResponse, type ResponsePlan, takenOver } from './response-plan.ts';

/** A page waits for all of a small file; from here on it is bulk (DESIGN.md, Words). */
const BULK_FILE_BYTES = 1024 * 1024;

/** Answers requests for files of a release. */
export class Responder {
  readonly #delivery: Delivery;
  readonly #documents: DocumentHeaders;

  constructor(delivery: Delivery, documents: DocumentHeaders) {
    this.#delivery = delivery;
    this.#documents = documents;
  }

  /**
   * Resolves when the first byte is there; the rest comes as the body is read. `waitUntil` gets what the worker must
   * stay alive for.
   *
   * @throws Error when the network must answer instead: no source has the beginning, or protecting headers are unknown.
   */
  async responseFor(
    request: Request,
    release: LoadedRelease,
    file: ReleaseFile,
    waitUntil: (work: Promise<unknown>) => void,
  ): Promise<Response> {
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
    if (plan.body === undefined || plan.body.bytes === 0)
      return responseOf(plan, await headers, null, 'store', release);

    const { chunks, skipBytes } = chunksOfRange(chunksOfFile(release.manifest, file), plan.body);
    const isUrgent = request.mode === 'navigate' || file.plainBytes < BULK_FILE_BYTES;
    const feed = this.#delivery.feed(release.manifest, file, chunks, isUrgent ? 'urgent' : 'bulk');
    waitUntil(feed.done.then(() => this.#delivery.writer.close()));
    try {
      // Together: the server may have to be asked for headers, and a page does not wait for one after the other.
      const [own, first] = await Promise.all([headers, feed.next()]);
      if (first === undefined) throw new Error('the feed is empty');
      const [onlySource = 'mixed'] = feed.cameFrom.size === 1 ? feed.cameFrom : [];
      return responseOf(plan, own, bodyStream(feed, first, { skipBytes, bytes: plan.body.bytes }), onlySource, release);
    } catch (error) {
      feed.cancel();
      throw error;
    }
  }

  async #headersOf(request: Request, release: LoadedRelease, file: ReleaseFile): Promise<HeaderSet> {
    const own = release.manifest.headerSets[file.headerSet] ?? [];
    if (!isDocument(file) && !EXECUTION_CONTEXT.test(request.destination)) return own;
    const headers = await this.#documents.of(file, own);
    if (headers === undefined) throw new Error(`the headers of ${file.path} are unknown`);
    return headers;
  }
}

/** Destinations whose response headers say what may run, besides documents. */
const EXECUTION_CONTEXT = /^(?:document|i?frame|(?:shared)?worker)$/;

/** True for files whose security headers are remembered. */
export function isDocument(file: ReleaseFile): boolean {
  return /^(?:text\/html|application\/xhtml\+xml)\b/i.test(file.mediaType);
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
  source: SourceName | 'mixed',
  { manifest }: LoadedRelease,
): Response {
  const headers = new Headers();
  for (const [name, value] of [...takenOver(own), ...plan.headers]) headers.append(name, value);
  // The source is known at the start only: what comes later may come from elsewhere.
  headers.set('server-timing', `${SOURCE_TIMING};desc="${source}", ${RELEASE_TIMING};desc="${manifest.sequence}"`);
  return new Response(body as BodyInit | null, { status: plan.status, headers });
}
