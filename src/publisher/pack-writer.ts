import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { packPath } from '../protocol/layout.ts';
import { MAX_CHUNKS_PER_PACK, MAX_PACK_BYTES } from '../protocol/limits.ts';
import type { Pack, PackedChunk } from '../protocol/manifest.ts';

/** Where a chunk lies: the pack's position among those written, and the chunk's in the pack. */
export interface PackPlace {
  readonly pack: number;
  readonly index: number;
}

/** Appends encoded chunks to pack files and begins a new pack when one is full; holds no chunk in memory. */
export class PackWriter {
  readonly #root: string;
  readonly #packs: Pack[] = [];
  #open: OpenPack | undefined;

  /** @param root the folder that stands for the scope; its `tabseed` folder exists. */
  constructor(root: string) {
    this.#root = root;
  }

  async append(chunk: PackedChunk, encoded: Uint8Array): Promise<PackPlace> {
    if (this.#open !== undefined && !this.#open.hasRoomFor(chunk)) await this.#finishPack(this.#open);
    this.#open ??= await OpenPack.create(join(this.#root, packPath('new')));
    const index = await this.#open.append(chunk, encoded);
    return { pack: this.#packs.length, index };
  }

  /** The packs in the order of their places. Nothing may be appended afterwards. */
  async finish(): Promise<readonly Pack[]> {
    if (this.#open !== undefined) await this.#finishPack(this.#open);
    return this.#packs;
  }

  /** Lets go of the open file; harmless after `finish`. */
  async close(): Promise<void> {
    await this.#open?.close();
    this.#open = undefined;
  }

  async #finishPack(pack: OpenPack): Promise<void> {
    this.#open = undefined;
    await pack.close();
    const id = pack.id();
    await rename(pack.location, join(this.#root, packPath(id)));
    this.#packs.push({ id, chunks: pack.chunks });
  }
}

class OpenPack {
  readonly location: string;
  readonly chunks: PackedChunk[] = [];
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  #bytes = 0;

  private constructor(location: string, file: FileHandle) {
    this.location = location;
    this.#file = file;
  }

  static async create(location: string): Promise<OpenPack> {
    return new OpenPack(location, await open(location, 'wx'));
  }

  hasRoomFor(chunk: PackedChunk): boolean {
    return this.#bytes + chunk.encodedBytes <= MAX_PACK_BYTES && this.chunks.length < MAX_CHUNKS_PER_PACK;
  }

  async append(chunk: PackedChunk, encoded: Uint8Array): Promise<number> {
    await this.#file.appendFile(encoded);
    this.#hash.update(encoded);
    this.#bytes += encoded.length;
    return this.chunks.push(chunk) - 1;
  }

  /** Call once. */
  id(): string {
    return this.#hash.digest('hex');
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
