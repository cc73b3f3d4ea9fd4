import { createHash } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import type { ChunkId, PackId } from '../protocol/identifier.ts';
import { packPath } from '../protocol/layout.ts';
import { type Manifest, type Pack, type PackedChunk, packBytes } from '../protocol/manifest.ts';
import type { ReleasePlace } from './release-place.ts';

/** Packs in memory at once: 64 MiB. Files are read in the order in which they were packed, so few are read twice. */
const PACKS_IN_MEMORY = 4;

/** Plain content of a release, read out of its packs. What is lost, damaged or wrong is as if it were not there. */
export class PackedContent {
  readonly #places: readonly ReleasePlace[];
  readonly #locations = new Map<ChunkId, { readonly pack: Pack; readonly offset: number }>();
  readonly #packs = new Map<PackId, Promise<Uint8Array | undefined>>();

  /** @param places where its packs may lie. */
  constructor({ packs }: Pick<Manifest, 'packs'>, places: readonly ReleasePlace[]) {
    this.#places = places;
    for (const pack of packs) {
      let offset = 0;
      for (const { id, encodedBytes } of pack.chunks) {
        if (!this.#locations.has(id)) this.#locations.set(id, { pack, offset });
        offset += encodedBytes;
      }
    }
  }

  /** These chunks, one after the other; `undefined` when one of them is not there. */
  async read(chunks: readonly PackedChunk[]): Promise<Uint8Array[] | undefined> {
    const plain: Uint8Array[] = [];
    for (const chunk of chunks) {
      const bytes = await this.#readChunk(chunk);
      if (bytes === undefined) return undefined;
      plain.push(bytes);
    }
    return plain;
  }

  async #readChunk({ id, encoding, plainBytes, encodedBytes }: PackedChunk): Promise<Uint8Array | undefined> {
    const location = this.#locations.get(id);
    const pack = location && (await this.#readPack(location.pack));
    if (pack === undefined) return undefined;
    const encoded = pack.subarray(location?.offset, (location?.offset ?? 0) + encodedBytes);
    // The pack is the one of its name; what does not inflate is a fault of whoever published it.
    return encoding === 'identity' ? encoded : inflateRawSync(encoded, { maxOutputLength: plainBytes });
  }

  #readPack(pack: Pack): Promise<Uint8Array | undefined> {
    const known = this.#packs.get(pack.id) ?? this.#load(pack);
    this.#packs.delete(pack.id);
    this.#packs.set(pack.id, known);
    const [oldest] = this.#packs.keys();
    if (oldest !== undefined && this.#packs.size > PACKS_IN_MEMORY) this.#packs.delete(oldest);
    return known;
  }

  async #load(pack: Pack): Promise<Uint8Array | undefined> {
    for (const place of this.#places) {
      const bytes = await place.read(packPath(pack.id), packBytes(pack));
      if (bytes !== undefined && createHash('sha256').update(bytes).digest('hex') === pack.id) return bytes;
    }
    return undefined;
  }
}
