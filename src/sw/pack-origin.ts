import { ByteCutter } from '../core/byte-cutter.ts';
import { openChunk } from '../core/chunk.ts';
import { IntegrityError } from '../core/errors.ts';
import type { Codec, Digest, Origin, StoredChunk } from '../core/ports.ts';
import type { ChunkId, PackId } from '../protocol/identifier.ts';
import { type Manifest, type Pack, type PackedChunk, packBytes, type ReleaseFile } from '../protocol/manifest.ts';
import type { ChunkRequest, ChunkSource } from './chunk-source.ts';
import type { Lanes } from './lanes.ts';

/** What the two ways to the origin, packs and plain files, share. */
export interface OriginTools {
  readonly origin: Origin;
  readonly digest: Digest;
  readonly codec: Codec;
  /** Of the whole worker: a browser opens about six connections to a host. */
  readonly lanes: Lanes;
  /** Puts a verified chunk into the store, some time later. */
  keep(id: ChunkId, stored: StoredChunk): void;
  /** Counts a chunk that came from the origin; as `wasted` when it was not what the release says. */
  count(kind: 'origin' | 'wasted', plainBytes: number, wireBytes: number): void;
}

/** Consecutive chunks of a pack, read by one Range request. */
export interface PackSpan {
  readonly pack: PackId;
  readonly offset: number;
  bytes: number;
  readonly chunks: PackedChunk[];
}

/** Large enough to hide a round trip, small enough to begin with soon. */
const MAX_SPAN_BYTES = 1024 * 1024;

/** Reads chunks of one file out of the packs that its release names for it. */
export class PackOrigin implements ChunkSource {
  readonly #manifest: Manifest;
  readonly #file: ReleaseFile;
  readonly #tools: OriginTools;

  constructor(manifest: Manifest, file: ReleaseFile, tools: OriginTools) {
    this.#manifest = manifest;
    this.#file = file;
    this.#tools = tools;
  }

  async take(chunks: readonly PackedChunk[], request: ChunkRequest): Promise<readonly PackedChunk[]> {
    const left = new Set(chunks.map((chunk) => chunk.id));
    const spans = spansOf(this.#manifest, this.#file, left);
    await Promise.all(spans.map((span) => this.#tools.lanes.run(() => this.#read(span, request, left))));
    return chunks.filter((chunk) => left.has(chunk.id));
  }

  async #read(span: PackSpan, request: ChunkRequest, left: Set<ChunkId>): Promise<void> {
    if (request.signal.aborted) return;
    const cutter = new ByteCutter(this.#tools.origin.readPack(span.pack, span.offset, span.bytes));
    const stop = () => cutter.cancel();
    request.signal.addEventListener('abort', stop);
    try {
      for (const chunk of span.chunks) {
        const bytes = await cutter.take(chunk.encodedBytes);
        await this.#open(chunk, { encoding: chunk.encoding, bytes }, request, left);
      }
    } catch {
      // Away, or it does not do Ranges: the plain file is asked for what is left.
    } finally {
      request.signal.removeEventListener('abort', stop);
      cutter.cancel();
    }
  }

  async #open(chunk: PackedChunk, stored: StoredChunk, request: ChunkRequest, left: Set<ChunkId>): Promise<void> {
    const { id, plainBytes, encodedBytes } = chunk;
    try {
      const plain = await openChunk(this.#tools, chunk, stored);
      this.#tools.count('origin', plainBytes, encodedBytes);
      this.#tools.keep(id, stored);
      left.delete(id);
      request.deliver(chunk, plain, 'origin');
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      this.#tools.count('wasted', plainBytes, encodedBytes);
    }
  }
}

/** Where the wanted chunks of a file lie, each once. Neighbours become one span. */
export function spansOf(manifest: Manifest, file: ReleaseFile, wanted: ReadonlySet<ChunkId>): PackSpan[] {
  const spans: PackSpan[] = [];
  const open = new Set(wanted);
  for (const { pack: index, first, count } of file.runs) {
    const { id: pack, chunks } = manifest.packs[index] as Pack;
    let offset = packBytes({ id: pack, chunks: chunks.slice(0, first) });
    for (const chunk of chunks.slice(first, first + count)) {
      if (open.delete(chunk.id)) addTo(spans, pack, offset, chunk);
      offset += chunk.encodedBytes;
    }
  }
  return spans;
}

function addTo(spans: PackSpan[], pack: PackId, offset: number, chunk: PackedChunk): void {
  const bytes = chunk.encodedBytes;
  const last = spans.at(-1);
  if (last?.pack !== pack || last.offset + last.bytes !== offset || last.bytes + bytes > MAX_SPAN_BYTES) {
    spans.push({ pack, offset, bytes, chunks: [chunk] });
    return;
  }
  last.bytes += bytes;
  last.chunks.push(chunk);
}
