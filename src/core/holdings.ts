import type { ChunkId, PackId } from '../protocol/identifier.ts';
import { Bitfield } from './bitfield.ts';
import type { Catalog, CatalogPack } from './catalog.ts';

/** Which chunks the store has, by id and by place in the known packs. */
export class Holdings {
  readonly #chunks = new Set<ChunkId>();
  readonly #bitfields = new Map<PackId, Bitfield>();

  get size(): number {
    return this.#chunks.size;
  }

  has(chunk: ChunkId): boolean {
    return this.#chunks.has(chunk);
  }

  bitfield(pack: CatalogPack): Bitfield {
    let field = this.#bitfields.get(pack.id);
    if (field === undefined) {
      field = new Bitfield(pack.chunks.length);
      for (const [index, chunk] of pack.chunks.entries()) if (this.#chunks.has(chunk.id)) field.set(index);
      this.#bitfields.set(pack.id, field);
    }
    return field;
  }

  /** The packs of a new set of releases; forgets the others'. */
  onCatalog(catalog: Catalog): void {
    for (const id of this.#bitfields.keys()) if (!catalog.packs.has(id)) this.#bitfields.delete(id);
  }

  add(chunks: Iterable<ChunkId>, catalog: Catalog): void {
    for (const chunk of chunks) {
      this.#chunks.add(chunk);
      const location = catalog.locate(chunk);
      if (location !== undefined) this.bitfield(location.pack).set(location.index);
    }
  }

  remove(chunk: ChunkId, catalog: Catalog): void {
    this.#chunks.delete(chunk);
    const location = catalog.locate(chunk);
    if (location !== undefined) this.bitfield(location.pack).clear(location.index);
  }
}
