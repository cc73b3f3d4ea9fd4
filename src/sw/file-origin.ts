import { chunksOfFile, type Manifest, type PackedChunk, type ReleaseFile } from '../protocol/manifest.ts';
import { type ChunkRequest, type ChunkSource, distinct } from './chunk-source.ts';
import { BATCH_BYTES } from './file-feed.ts';
import { type OriginTools, PackOrigin } from './pack-origin.ts';
import { PlainFile } from './plain-file.ts';

/** The origin as the source of one file: its packs and its plain form stand in for each other. */
export class FileOrigin implements ChunkSource {
  readonly #chunks: readonly PackedChunk[];
  readonly #packs: PackOrigin;
  readonly #plain: PlainFile;
  #isPlainFirst: boolean | undefined;

  constructor(manifest: Manifest, file: ReleaseFile, tools: OriginTools) {
    this.#chunks = chunksOfFile(manifest, file);
    this.#packs = new PackOrigin(manifest, file, tools);
    this.#plain = new PlainFile(file, this.#chunks, tools);
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
    const all = distinct(this.#chunks);
    if (asked.some((chunk, index) => chunk.id !== all[index]?.id)) return false;
    return asked.length === all.length || asked.reduce((sum, chunk) => sum + chunk.plainBytes, 0) >= BATCH_BYTES;
  }
}
