import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../core/errors.ts';
import type { ChunkStore, StoredChunk } from '../core/ports.ts';
import { type Encoding, encodingOfTag, encodingTag } from '../protocol/encoding.ts';
import { type ChunkId, isSha256 } from '../protocol/identifier.ts';
import { withLimit } from './concurrency.ts';

/** Characters of the id that name its folder: 256 folders keep each below some 1000 files for 16 GB of chunks. */
const FOLDER_CHARACTERS = 2;
/** Files open at once: as many as Node's pool has threads, and room for the queue. */
const MAX_PARALLEL_FILES = 8;
const TEMPORARY = '.part';
/** Disks give out space in blocks. */
const BLOCK_BYTES = 4096;

/** Bytes that a chunk of so many encoded bytes takes on the disk. */
export function diskBytes(encodedBytes: number): number {
  return Math.ceil((encodedBytes + 1) / BLOCK_BYTES) * BLOCK_BYTES;
}

/**
 * Chunks as files, one each: the encoding's tag, then the encoded bytes. A file is written under another name and then
 * renamed, so that a crash leaves no half of one; an unfinished one is swept away at the next start.
 */
export class DiskStore implements ChunkStore {
  readonly #folder: string;
  readonly #limit = withLimit(MAX_PARALLEL_FILES);
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #limitBytes: number | undefined;
  /** What each chunk takes; known only where there is a limit. */
  readonly #diskBytes = new Map<ChunkId, number>();
  #usedBytes = 0;
  #isClosed = false;

  private constructor(folder: string, limitBytes: number | undefined) {
    this.#folder = folder;
    this.#limitBytes = limitBytes;
  }

  /**
   * @param limitBytes most that the files of all chunks may take; a `put` above it rejects with `disk-limit`.
   * @throws StoreError when the folder cannot be made or read.
   */
  static async open(folder: string, limitBytes?: number): Promise<DiskStore> {
    const store = new DiskStore(join(folder, 'chunks'), limitBytes);
    await store.#run(async () => {
      await mkdir(store.#folder, { recursive: true });
      await store.#sweep();
      if (limitBytes !== undefined) await store.#measure();
    });
    return store;
  }

  /** What a chunk takes on the disk; known only where there is a limit. */
  diskBytesOf(id: ChunkId): number {
    return this.#diskBytes.get(id) ?? 0;
  }

  list(): Promise<ChunkId[]> {
    return this.#run(async () => (await this.#files()).map(({ name }) => name).filter(isSha256));
  }

  get(ids: readonly ChunkId[]): Promise<(StoredChunk | undefined)[]> {
    return this.#run(() => Promise.all(ids.map((id) => this.#limit(() => this.#read(id)))));
  }

  /** The files of one call appear one by one; if one fails, those already there are removed again. */
  put(chunks: ReadonlyMap<ChunkId, StoredChunk>): Promise<void> {
    const files = [...chunks].map(([id, { encoding, bytes }]) => {
      const content = new Uint8Array(bytes.length + 1);
      content[0] = encodingTag(encoding);
      content.set(bytes, 1);
      return { id, content };
    });
    return this.#run(async () => {
      this.#reserve(files);
      const written = await Promise.allSettled(files.map((file) => this.#limit(() => this.#write(file))));
      const failed = written.find((outcome) => outcome.status === 'rejected');
      if (failed === undefined) return;
      // What cannot be removed either is a whole, right chunk: no harm.
      await Promise.allSettled(files.map(({ id }) => this.#remove([id])));
      throw failed.reason;
    });
  }

  delete(ids: readonly ChunkId[]): Promise<void> {
    return this.#run(() => this.#remove(ids));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
  }

  async #run<T>(action: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new StoreError('store-unavailable', 'the store was closed');
    const running = action();
    this.#underWay.add(running);
    try {
      return await running;
    } catch (error) {
      throw asStoreError(error);
    } finally {
      this.#underWay.delete(running);
    }
  }

  #path(id: ChunkId): string {
    return join(this.#folder, id.slice(0, FOLDER_CHARACTERS), id);
  }

  async #read(id: ChunkId): Promise<StoredChunk | undefined> {
    try {
      const content = await readFile(this.#path(id));
      const encoding = encodingOf(content[0]);
      return (
        encoding && { encoding, bytes: new Uint8Array(content.buffer, content.byteOffset + 1, content.length - 1) }
      );
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  async #write({ id, content }: { id: ChunkId; content: Uint8Array }): Promise<void> {
    const path = this.#path(id);
    const temporary = `${path}.${randomUUID()}${TEMPORARY}`;
    try {
      await writeFile(temporary, content).catch(async (error: unknown) => {
        if (!hasCode(error, 'ENOENT')) throw error;
        await mkdir(join(path, '..'), { recursive: true });
        await writeFile(temporary, content);
      });
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async #remove(ids: readonly ChunkId[]): Promise<void> {
    await Promise.all(ids.map((id) => this.#limit(() => rm(this.#path(id), { force: true }))));
    for (const id of ids) this.#account(id, 0);
  }

  async #files(): Promise<{ folder: string; name: string }[]> {
    const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => ({ folder: entry.parentPath, name: entry.name }));
  }

  /** Before anything is written: not even for a moment may there be more than the limit. */
  #reserve(files: readonly { id: ChunkId; content: Uint8Array }[]): void {
    if (this.#limitBytes === undefined) return;
    const sizes = files.map(({ id, content }) => ({ id, bytes: diskBytes(content.length - 1) }));
    const added = sizes.reduce((sum, { id, bytes }) => sum + bytes - this.diskBytesOf(id), 0);
    if (this.#usedBytes + added > this.#limitBytes) {
      throw new StoreError('disk-limit', `more than the ${this.#limitBytes} bytes that the chunks may take`);
    }
    for (const { id, bytes } of sizes) this.#account(id, bytes);
  }

  #account(id: ChunkId, bytes: number): void {
    this.#usedBytes += bytes - this.diskBytesOf(id);
    if (bytes === 0) this.#diskBytes.delete(id);
    else this.#diskBytes.set(id, bytes);
  }

  async #measure(): Promise<void> {
    const files = (await this.#files()).filter(({ name }) => isSha256(name));
    const measure = async ({ folder, name }: { folder: string; name: string }): Promise<void> => {
      const { size } = await this.#limit(() => stat(join(folder, name)));
      this.#account(name, diskBytes(Math.max(0, size - 1)));
    };
    await Promise.all(files.map(measure));
  }

  async #sweep(): Promise<void> {
    const unfinished = (await this.#files()).filter(({ name }) => name.endsWith(TEMPORARY));
    for (const { folder, name } of unfinished) await rm(join(folder, name), { force: true });
  }
}

function encodingOf(tag: number | undefined): Encoding | undefined {
  try {
    return tag === undefined ? undefined : encodingOfTag(tag);
  } catch {
    // A tag of a later version, or a damaged file: like a chunk that is not there.
    return undefined;
  }
}

function asStoreError(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const isFull = hasCode(cause, 'ENOSPC') || hasCode(cause, 'EDQUOT');
  return new StoreError(isFull ? 'store-full' : 'store-unavailable', `disk store: ${String(cause)}`, { cause });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
