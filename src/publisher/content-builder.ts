import { createHash } from 'node:crypto';
import type { ChunkId, Sha256 } from '../protocol/identifier.ts';
import type { Chunking, ChunkRun, Pack } from '../protocol/manifest.ts';
import { encodeChunk } from './chunk-encoder.ts';
import { chunksOf } from './chunker.ts';
import { type PackPlace, PackWriter } from './pack-writer.ts';

/** What a file became: its own hash and its chunks in order. */
export interface FileContent {
  readonly plainBytes: number;
  readonly hash: Sha256;
  readonly chunks: readonly ChunkId[];
}

/** All packs of a release, and where each file's chunks lie in them. */
export interface ReleaseContent {
  readonly packs: readonly Pack[];
  /** Those of `packs` that are new. */
  readonly newPacks: readonly Pack[];
  runsOf(content: FileContent): ChunkRun[];
}

interface ChunkPlace extends PackPlace {
  /** In an earlier release's packs, or among those written now. */
  readonly earlier: boolean;
}

/** Chunks being deflated at once: twice the threads that Node gives to zlib by default. */
const CHUNKS_IN_FLIGHT = 8;

/**
 * Cuts files into chunks and packs those that no earlier pack has. Memory holds the ids of all chunks, and the bytes of
 * `CHUNKS_IN_FLIGHT` of them.
 */
export class ContentBuilder {
  readonly #chunking: Chunking;
  readonly #earlierPacks: readonly Pack[];
  readonly #writer: PackWriter;
  /** `undefined`: on its way into a pack. */
  readonly #places = new Map<ChunkId, ChunkPlace | undefined>();
  readonly #inFlight: (() => Promise<void>)[] = [];

  /** @param earlierPacks packs that clients may already have: their chunks are not packed again. */
  constructor(root: string, chunking: Chunking, earlierPacks: readonly Pack[]) {
    this.#chunking = chunking;
    this.#earlierPacks = earlierPacks;
    this.#writer = new PackWriter(root);
    for (const [pack, { chunks }] of earlierPacks.entries()) {
      for (const [index, { id }] of chunks.entries()) {
        if (!this.#places.has(id)) this.#places.set(id, { earlier: true, pack, index });
      }
    }
  }

  /** Call for one file after the other, in the order of their paths: neighbours on disk are neighbours in a pack. */
  async addFile(pieces: AsyncIterable<Uint8Array>): Promise<FileContent> {
    const hash = createHash('sha256');
    const chunks: ChunkId[] = [];
    let plainBytes = 0;
    for await (const chunk of chunksOf(pieces, this.#chunking)) {
      hash.update(chunk);
      plainBytes += chunk.length;
      const id = createHash('sha256').update(chunk).digest('hex');
      chunks.push(id);
      if (!this.#places.has(id)) await this.#pack(id, chunk);
    }
    return { plainBytes, hash: hash.digest('hex'), chunks };
  }

  /** Call after the last file. Earlier packs of which no file uses a chunk are left out. */
  async finish(contents: Iterable<FileContent>): Promise<ReleaseContent> {
    while (this.#inFlight.length > 0) await this.#settleOldest();
    const newPacks = await this.#writer.finish();
    const used = new Set<number>();
    for (const { chunks } of contents) {
      for (const id of chunks) {
        const place = this.#place(id);
        if (place.earlier) used.add(place.pack);
      }
    }
    const kept = [...used].sort((a, b) => a - b);
    const earlierIndex = new Map(kept.map((pack, index) => [pack, index]));
    const packs = [...kept.flatMap((pack) => this.#earlierPacks[pack] ?? []), ...newPacks];
    const packIndex = (place: ChunkPlace) =>
      place.earlier ? (earlierIndex.get(place.pack) ?? 0) : kept.length + place.pack;
    return {
      packs,
      newPacks,
      runsOf: ({ chunks }) =>
        joinRuns(chunks.map((id) => this.#place(id)).map((place) => ({ pack: packIndex(place), index: place.index }))),
    };
  }

  /** Stops it at any time. */
  async close(): Promise<void> {
    await this.#writer.close();
  }

  async #pack(id: ChunkId, plain: Uint8Array): Promise<void> {
    this.#places.set(id, undefined);
    const encoding = encodeChunk(plain);
    this.#inFlight.push(async () => {
      const encoded = await encoding;
      const place = await this.#writer.append(
        { id, encoding: encoded.encoding, plainBytes: plain.length, encodedBytes: encoded.bytes.length },
        encoded.bytes,
      );
      this.#places.set(id, { earlier: false, ...place });
    });
    if (this.#inFlight.length >= CHUNKS_IN_FLIGHT) await this.#settleOldest();
  }

  /** Chunks are deflated side by side, but written in the order of the files: the same input gives the same pack. */
  async #settleOldest(): Promise<void> {
    await this.#inFlight.shift()?.();
  }

  #place(id: ChunkId): ChunkPlace {
    const place = this.#places.get(id);
    if (place === undefined) throw new Error(`chunk ${id} was never packed`);
    return place;
  }
}

function joinRuns(places: readonly PackPlace[]): ChunkRun[] {
  const runs: { pack: number; first: number; count: number }[] = [];
  for (const { pack, index } of places) {
    const last = runs.at(-1);
    if (last !== undefined && last.pack === pack && last.first + last.count === index) last.count += 1;
    else runs.push({ pack, first: index, count: 1 });
  }
  return runs;
}
