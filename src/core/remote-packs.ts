import { ProtocolError } from '../protocol/errors.ts';
import type { PackId } from '../protocol/identifier.ts';
import { MAX_PACKS } from '../protocol/limits.ts';
import type { AnnouncedPack } from '../protocol/peer-message.ts';
import { Bitfield } from './bitfield.ts';

interface RemotePack {
  readonly id: PackId;
  readonly chunkCount: number;
  /** Made when the peer first says that it holds something of the pack. */
  held: Bitfield | undefined;
}

/** 64 GiB of 64 KiB chunks: with MAX_PACKS, some 2 MiB is the most that one peer can make us keep. */
const MAX_ANNOUNCED_CHUNKS = 1024 * 1024;

/**
 * What one peer says it has, by its own pack numbers. Packs that we do not know are kept too: a later release may
 * reference them.
 *
 * @throws ProtocolError from every method that takes the peer's numbers.
 */
export class RemotePacks {
  readonly #packs: RemotePack[] = [];
  readonly #byId = new Map<PackId, RemotePack>();
  readonly #onChange: (pack: PackId, index: number, by: 1 | -1) => void;
  #chunks = 0;
  #held = 0;

  /** `onChange` hears of each chunk that the peer has from now on (1), or no more (-1). */
  constructor(onChange: (pack: PackId, index: number, by: 1 | -1) => void) {
    this.#onChange = (pack, index, by) => {
      this.#held += by;
      onChange(pack, index, by);
    };
  }

  /** Chunks that the peer says it has. */
  get heldChunks(): number {
    return this.#held;
  }

  announce(packs: readonly AnnouncedPack[]): void {
    for (const { id, chunkCount } of packs) {
      this.#chunks += chunkCount;
      if (this.#packs.length >= MAX_PACKS || this.#chunks > MAX_ANNOUNCED_CHUNKS) {
        throw new ProtocolError('too-large', 'announced packs');
      }
      if (this.#byId.has(id)) throw new ProtocolError('bad-value', 'pack announced twice');
      const pack = { id, chunkCount, held: undefined };
      this.#packs.push(pack);
      this.#byId.set(id, pack);
    }
  }

  setBitfield(pack: number, bits: Uint8Array): void {
    const remote = this.#at(pack);
    const held = Bitfield.fromBytes(bits, remote.chunkCount);
    this.#tellLost(remote);
    remote.held = held;
    for (let index = 0; index < held.length; index += 1) if (held.has(index)) this.#onChange(remote.id, index, 1);
  }

  /** @returns whether any of it is news */
  addRun(pack: number, first: number, count: number): boolean {
    const remote = this.#at(pack);
    if (first + count > remote.chunkCount) throw new ProtocolError('bad-value', 'have outside the pack');
    remote.held ??= new Bitfield(remote.chunkCount);
    let isNews = false;
    for (let index = first; index < first + count; index += 1) {
      if (!remote.held.set(index)) continue;
      isNews = true;
      this.#onChange(remote.id, index, 1);
    }
    return isNews;
  }

  /** The peer is gone: nothing can be had from it any more. */
  clear(): void {
    for (const remote of this.#packs) {
      this.#tellLost(remote);
      remote.held = undefined;
    }
  }

  /** The pack that the peer means by its number. */
  id(pack: number): PackId {
    return this.#at(pack).id;
  }

  has(pack: PackId, index: number): boolean {
    return this.#byId.get(pack)?.held?.has(index) ?? false;
  }

  /** The peer refused it: believe that it does not have it, until it says so again. */
  forget(pack: PackId, index: number): void {
    if (!this.has(pack, index)) return;
    this.#byId.get(pack)?.held?.clear(index);
    this.#onChange(pack, index, -1);
  }

  #tellLost({ id, held }: RemotePack): void {
    if (held === undefined) return;
    for (let index = 0; index < held.length; index += 1) if (held.has(index)) this.#onChange(id, index, -1);
  }

  #at(pack: number): RemotePack {
    const remote = this.#packs[pack];
    if (remote === undefined) throw new ProtocolError('bad-value', `pack number ${pack} was never announced`);
    return remote;
  }
}
