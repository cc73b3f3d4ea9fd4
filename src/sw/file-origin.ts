import type { PackedChunk, ReleaseFile } from '../protocol/manifest.ts';
import { type ChunkRequest, type ChunkSource, distinct } from './chunk-source.ts';
import { BATCH_BYTES } from './file-feed.ts';
import type { OriginTools, PackOrigin } from './pack-origin.ts';
import { PlainFile } from './plain-file.ts';

/** The origin as the source of one file: its packs and its plain form stand in for each other. */
export class FileOrigin implements ChunkSource {
  readonly #chunks: readonly PackedChunk[];
  readonly #packs: PackOrigin;
  readonly #plain: PlainFile;
  #isPlainFirst: boolean | undefined;

  constructor(file: ReleaseFile, chunks: readonly PackedChunk[], packs: PackOrigin, tools: OriginTools) {
    this.#chunks = chunks;
    this.#packs = packs;
    this.#plain = new PlainFile(file, chunks, tools);
  }

  async take(chunks: readonly PackedChunk[], request: ChunkRequest): Promise<readonly PackedChunk[]> {
    this.#isPlainFirst ??= this.#isWhollyMissing(chunks);
    let left = chunks;
    if (this.#isPlainFirst && this.#plain.isNear(left)) left = await this.#plain.take(left, request);
    if (left.length > 0) left = await this.#packs.take(left, request);
    if (left.length > 0) left = await this.#plain.take(left, request);
    return left;
  }

  /** Judged by the file's beginning: looking up all of a large file would take longer than it can save. */
  #isWhollyMissing(asked: readonly PackedChunk[]): boolean {
    const expected = distinct(this.#chunks).slice(0, asked.length);
    if (expected.some((chunk, index) => chunk.id !== asked[index]?.id)) return false;
    const bytes = asked.reduce((sum, chunk) => sum + chunk.plainBytes, 0);
    return bytes >= BATCH_BYTES || asked.length === distinct(this.#chunks).length;
  }
}
