import type { ChunkId, PackId } from '../protocol/identifier.ts';
import { chunksOfFile, type Manifest, type PackedChunk, type ReleaseFile } from '../protocol/manifest.ts';

/** A pack of a known release. */
export interface CatalogPack {
  readonly id: PackId;
  readonly chunks: readonly PackedChunk[];
  /** Byte offset of each chunk in the pack file, and the file's length at the end. */
  readonly offsets: readonly number[];
}

/** Where a chunk lies. The swarm's index space is the pack, so that peers on different releases trade. */
export interface ChunkLocation {
  readonly pack: CatalogPack;
  readonly index: number;
}

/** `count` consecutive chunks of one pack. */
export interface Span {
  readonly pack: CatalogPack;
  readonly first: number;
  readonly count: number;
}

/** A file that contains a chunk, with all of its chunks in order. */
export interface FileContent {
  readonly file: ReleaseFile;
  readonly chunks: readonly PackedChunk[];
}

/** What the known releases consist of. Immutable: a new set of releases is a new catalog. */
export class Catalog {
  readonly packs: ReadonlyMap<PackId, CatalogPack>;
  readonly #locations = new Map<ChunkId, ChunkLocation>();
  readonly #files = new Map<ChunkId, { manifest: Manifest; file: ReleaseFile }>();

  /** Newest first: where two releases differ on where a chunk lies, the newer counts. */
  constructor(manifests: readonly Manifest[]) {
    const packs = new Map<PackId, CatalogPack>();
    for (const manifest of manifests) {
      for (const { id, chunks } of manifest.packs) {
        if (packs.has(id)) continue;
        const pack = { id, chunks, offsets: offsetsOf(chunks) };
        packs.set(id, pack);
        chunks.forEach((chunk, index) => {
          if (!this.#locations.has(chunk.id)) this.#locations.set(chunk.id, { pack, index });
        });
      }
      for (const file of manifest.files) {
        for (const chunk of chunksOfFile(manifest, file)) {
          if (!this.#files.has(chunk.id)) this.#files.set(chunk.id, { manifest, file });
        }
      }
    }
    this.packs = packs;
  }

  locate(chunk: ChunkId): ChunkLocation | undefined {
    return this.#locations.get(chunk);
  }

  /** The size of `fileWith`, in plain bytes; infinite for a chunk of no file. */
  fileBytes(chunk: ChunkId): number {
    return this.#files.get(chunk)?.file.plainBytes ?? Number.POSITIVE_INFINITY;
  }

  isOfSameFile(one: ChunkId, other: ChunkId): boolean {
    return this.#files.get(one)?.file === this.#files.get(other)?.file;
  }

  /** A file of the newest release that contains the chunk. */
  fileWith(chunk: ChunkId): FileContent | undefined {
    const found = this.#files.get(chunk);
    return found && { file: found.file, chunks: chunksOfFile(found.manifest, found.file) };
  }
}

function offsetsOf(chunks: readonly PackedChunk[]): number[] {
  const offsets = [0];
  let end = 0;
  for (const chunk of chunks) {
    end += chunk.encodedBytes;
    offsets.push(end);
  }
  return offsets;
}

export function chunkAt(location: ChunkLocation): PackedChunk {
  return location.pack.chunks[location.index] as PackedChunk;
}
