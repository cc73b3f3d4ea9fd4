import type { PackId } from '../protocol/identifier.ts';
import { MAX_PACKS_PER_MESSAGE } from '../protocol/limits.ts';
import type { AnnouncedPack, PeerMessage } from '../protocol/peer-message.ts';
import type { CatalogPack } from './catalog.ts';
import type { Holdings } from './holdings.ts';

/** What one peer was told of our packs: their numbers by the order in which they were named, and what we offer of them. */
export class PackAnnouncer {
  readonly #numbers = new Map<PackId, number>();
  readonly #send: (message: PeerMessage) => void;

  constructor(send: (message: PeerMessage) => void) {
    this.#send = send;
  }

  /** Our number of a pack; `undefined` until it was announced. */
  numberOf(pack: PackId): number | undefined {
    return this.#numbers.get(pack);
  }

  /** The packs that fit into the `hello`, which has to be sent before anything else. */
  greet(packs: readonly CatalogPack[]): AnnouncedPack[] {
    return this.#number(packs.slice(0, MAX_PACKS_PER_MESSAGE));
  }

  /** Announces what was not yet, and says what we have of it. */
  announce(packs: Iterable<CatalogPack>, holdings: Holdings): void {
    const fresh = [...packs].filter((pack) => !this.#numbers.has(pack.id));
    for (let index = 0; index < fresh.length; index += MAX_PACKS_PER_MESSAGE) {
      const some = fresh.slice(index, index + MAX_PACKS_PER_MESSAGE);
      this.#send({ type: 'packs', packs: this.#number(some) });
      this.offerSome(some, holdings);
    }
  }

  /** Says what we offer of each, unless it is nothing. */
  offerSome(packs: Iterable<CatalogPack>, holdings: Holdings): void {
    for (const pack of packs) if (holdings.bitfield(pack).count > 0) this.#offer(pack, holdings);
  }

  /** Says anew what we offer of each pack, be it nothing. */
  offerAll(packs: Iterable<CatalogPack>, holdings: Holdings): void {
    for (const pack of packs) this.#offer(pack, holdings);
  }

  #offer(pack: CatalogPack, holdings: Holdings): void {
    const number = this.#numbers.get(pack.id);
    if (number !== undefined) this.#send({ type: 'bitfield', pack: number, bits: holdings.bitfield(pack).toBytes() });
  }

  #number(packs: readonly CatalogPack[]): AnnouncedPack[] {
    for (const pack of packs) this.#numbers.set(pack.id, this.#numbers.size);
    return packs.map(({ id, chunks }) => ({ id, chunkCount: chunks.length }));
  }
}
