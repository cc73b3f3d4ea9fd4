import type { Catalog, Span } from '../core/catalog.ts';
import { openChunk } from '../core/chunk.ts';
import { IntegrityError } from '../core/errors.ts';
import { readSpan } from '../core/origin-read.ts';
import type { Codec, Digest, Log, Origin, StoredChunk } from '../core/ports.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { PackedChunk } from '../protocol/manifest.ts';
import type { ChunkRequest, ChunkSource } from './chunk-source.ts';
import type { Lanes } from './lanes.ts';

/** What the two ways to the origin, packs and plain files, share. */
export interface OriginTools {
  readonly origin: Origin;
  readonly digest: Digest;
  readonly codec: Codec;
  readonly log: Log;
  /** Of the whole worker: a browser opens about six connections to a host. */
  readonly lanes: Lanes;
  /** Puts a verified chunk into the store, some time later. */
  keep(id: ChunkId, stored: StoredChunk): void;
  /** Counts bytes that came from the origin; `isWasted` when they were not what the release says. */
  count(bytes: { readonly plain: number; readonly wire: number }, isWasted: boolean): void;
}

/** One Range request's worth: large enough to hide a round trip, small enough to begin with soon. */
const MAX_SPAN_BYTES = 1024 * 1024;

/** Reads chunks out of packs by Range. */
export class PackOrigin implements ChunkSource {
  readonly #catalog: () => Catalog;
  readonly #tools: OriginTools;

  constructor(catalog: () => Catalog, tools: OriginTools) {
    this.#catalog = catalog;
    this.#tools = tools;
  }

  async take(chunks: readonly PackedChunk[], request: ChunkRequest): Promise<readonly PackedChunk[]> {
    const given = new Set<ChunkId>();
    const spans = spansOf(this.#catalog(), chunks);
    await Promise.all(spans.map((span) => this.#tools.lanes.run(() => this.#read(span, request, given))));
    return chunks.filter((chunk) => !given.has(chunk.id));
  }

  async #read(span: Span, request: ChunkRequest, given: Set<ChunkId>): Promise<void> {
    if (request.signal.aborted) return;
    const opening: Promise<void>[] = [];
    const read = readSpan(this.#tools.origin, span, (chunk, stored) => {
      opening.push(this.#open(chunk, stored, request, given));
    });
    const stop = () => read.cancel();
    request.signal.addEventListener('abort', stop);
    try {
      await read.done;
    } catch (error) {
      this.#tools.log.debug('pack-read-failed', { pack: span.pack.id, error });
    } finally {
      request.signal.removeEventListener('abort', stop);
      await Promise.all(opening);
    }
  }

  async #open(chunk: PackedChunk, stored: StoredChunk, request: ChunkRequest, given: Set<ChunkId>): Promise<void> {
    const bytes = { plain: chunk.plainBytes, wire: chunk.encodedBytes };
    try {
      const plain = await openChunk(this.#tools, chunk, stored);
      this.#tools.count(bytes, false);
      this.#tools.keep(chunk.id, stored);
      given.add(chunk.id);
      request.deliver(chunk, plain, 'origin');
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      this.#tools.log.debug('pack-chunk-damaged', { chunk: chunk.id, error });
      this.#tools.count(bytes, true);
    }
  }
}

/** Neighbours in a pack become one span, up to MAX_SPAN_BYTES. In the order of the first chunk of each. */
export function spansOf(catalog: Catalog, chunks: readonly PackedChunk[]): Span[] {
  const spans: { pack: Span['pack']; first: number; count: number }[] = [];
  for (const chunk of chunks) {
    const location = catalog.locate(chunk.id);
    if (location === undefined) continue;
    const { pack, index } = location;
    const last = spans.at(-1);
    if (last?.pack === pack && last.first + last.count === index) {
      const start = pack.offsets[last.first] as number;
      const end = pack.offsets[index + 1] as number;
      if (end - start <= MAX_SPAN_BYTES) {
        last.count += 1;
        continue;
      }
    }
    spans.push({ pack, first: index, count: 1 });
  }
  return spans;
}
