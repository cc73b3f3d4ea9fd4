import type { Origin } from '../core/ports.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import { chunksOfFile, type Manifest, type PackedChunk, type ReleaseFile } from '../protocol/manifest.ts';
import { type BodyTools, ChunkBody, plainForm } from './chunk-body.ts';
import { type ChunkRequest, type ChunkSource, distinct } from './chunk-source.ts';
import { BATCH_BYTES } from './file-feed.ts';
import type { Lanes } from './lanes.ts';
import { spansOf } from './pack-spans.ts';

export interface OriginTools extends BodyTools {
  readonly origin: Origin;
  /** Of the whole worker: a browser opens about six connections to a host. */
  readonly lanes: Lanes;
}

/** How far the plain file is read ahead to what is wanted, where there is another way: the size of one Range request. */
const NEAR_BYTES = 1024 * 1024;

/**
 * The origin as the source of one file: its packs and its plain form stand in for each other. Compressed by the web
 * server, the plain form is the smallest of a file that is wholly missing. It is read once, from the start, no further
 * than what is wanted.
 */
export class FileOrigin implements ChunkSource {
  readonly #manifest: Manifest;
  readonly #file: ReleaseFile;
  readonly #tools: OriginTools;
  readonly #chunks: readonly PackedChunk[];
  #plain: ChunkBody | undefined;
  #isPlainFirst: boolean | undefined;
  /** Where the plain file will stand when all that was asked for so far is read. */
  #planned = 0;
  /** One reader at a time: a body is a single sequence. */
  #turn: Promise<void> = Promise.resolve();

  constructor(manifest: Manifest, file: ReleaseFile, tools: OriginTools) {
    this.#manifest = manifest;
    this.#file = file;
    this.#tools = tools;
    this.#chunks = chunksOfFile(manifest, file);
  }

  async take(chunks: readonly PackedChunk[], request: ChunkRequest): Promise<readonly PackedChunk[]> {
    this.#isPlainFirst ??= this.#isWhollyMissing(chunks);
    const wanted = new Set(chunks.map((chunk) => chunk.id));
    if (this.#isPlainFirst && this.#isNear(wanted)) await this.#readPlain(wanted, request);
    await this.#readPacks(wanted, request);
    if (wanted.size > 0) await this.#readPlain(wanted, request);
    return chunks.filter((chunk) => wanted.has(chunk.id));
  }

  async #readPacks(wanted: Set<ChunkId>, request: ChunkRequest): Promise<void> {
    const { origin, lanes } = this.#tools;
    const reading = spansOf(this.#manifest, this.#file, wanted).map(({ pack, offset, bytes, chunks }) =>
      lanes.run(async () => {
        if (request.signal.aborted) return;
        const body = new ChunkBody(this.#tools, origin.readPack(pack, offset, bytes), chunks, false);
        await body.read(chunks.length, wanted, request);
      }),
    );
    await Promise.all(reading);
  }

  #readPlain(wanted: Set<ChunkId>, request: ChunkRequest): Promise<void> {
    const end = this.#endOf(wanted);
    this.#planned = Math.max(this.#planned, end);
    this.#plain ??= new ChunkBody(
      this.#tools,
      this.#tools.origin.readFile(this.#file.path),
      plainForm(this.#chunks),
      true,
    );
    const plain = this.#plain;
    this.#turn = this.#turn.then(() => plain.read(end, wanted, request));
    return this.#turn;
  }

  /** False when the plain file would have to be read through much that is not wanted. */
  #isNear(wanted: ReadonlySet<ChunkId>): boolean {
    let unwantedBytes = 0;
    for (const chunk of this.#chunks.slice(this.#planned, this.#endOf(wanted))) {
      if (!wanted.has(chunk.id)) unwantedBytes += chunk.plainBytes;
    }
    return !this.#plain?.isBroken && unwantedBytes <= NEAR_BYTES;
  }

  /** The position after the first place, from where the plain file will stand, of each wanted chunk that is there. */
  #endOf(wanted: ReadonlySet<ChunkId>): number {
    const ahead = new Set(wanted);
    let end = 0;
    for (const [position, { id }] of this.#chunks.entries()) {
      if (position >= this.#planned && ahead.delete(id)) end = position + 1;
    }
    return end;
  }

  /** Judged by the file's beginning: looking up all of a large file would take longer than it can save. */
  #isWhollyMissing(asked: readonly PackedChunk[]): boolean {
    const all = distinct(this.#chunks);
    if (asked.some((chunk, index) => chunk.id !== all[index]?.id)) return false;
    return asked.length === all.length || asked.reduce((sum, chunk) => sum + chunk.plainBytes, 0) >= BATCH_BYTES;
  }
}
