import type { PackId } from '../protocol/identifier.ts';
import type { ChunkLocation } from './catalog.ts';

interface Counts {
  /** By index in the pack. An engine has fewer than 256 peers. */
  holders: Uint8Array;
  total: number;
}

/** How many of the connected peers say that they have a chunk: asked for every wanted chunk, so kept and not searched. */
export class Availability {
  readonly #packs = new Map<PackId, Counts>();

  of({ pack, index }: ChunkLocation): number {
    return this.#packs.get(pack.id)?.holders[index] ?? 0;
  }

  /** @param by 1: one more peer has it; -1: one peer fewer. */
  change(pack: PackId, index: number, by: 1 | -1): void {
    let counts = this.#packs.get(pack);
    if (counts === undefined) {
      counts = { holders: new Uint8Array(index + 1), total: 0 };
      this.#packs.set(pack, counts);
    }
    if (index >= counts.holders.length) {
      const grown = new Uint8Array(Math.max(index + 1, counts.holders.length * 2));
      grown.set(counts.holders);
      counts.holders = grown;
    }
    counts.holders[index] = (counts.holders[index] as number) + by;
    counts.total += by;
    if (counts.total === 0) this.#packs.delete(pack);
  }
}
