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
  #chunks = 0;

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
    remote.held = Bitfield.fromBytes(bits, remote.chunkCount);
  }

  /** @returns whether any of it is news */
  addRun(pack: number, first: number, count: number): boolean {
    const remote = this.#at(pack);
    if (first + count > remote.chunkCount) throw new ProtocolError('bad-value', 'have outside the pack');
    remote.held ??= new Bitfield(remote.chunkCount);
    const before = remote.held.count;
    for (let index = first; index < first + count; index += 1) remote.held.set(index);
    return remote.held.count > before;
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
    this.#byId.get(pack)?.held?.clear(index);
  }

  #at(pack: number): RemotePack {
    const remote = this.#packs[pack];
    if (remote === undefined) throw new ProtocolError('bad-value', `pack number ${pack} was never announced`);
    return remote;
  }
}
