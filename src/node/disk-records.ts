import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const TEMPORARY = '.part';

/** Small files in the store's folder; each is replaced whole or not at all. */
export class DiskRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** `undefined` when it is not there. */
  async read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      return new Uint8Array(await readFile(join(this.#folder, name)));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async write(name: string, content: Uint8Array | string): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const temporary = join(this.#folder, `${name}.${randomUUID()}${TEMPORARY}`);
    try {
      // Flushed before the rename: a power cut must not leave the new name with nothing in it.
      await writeFile(temporary, content, { flush: true });
      await rename(temporary, join(this.#folder, name));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** Deletes what a crash left half-written. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.#folder)) if (name.endsWith(TEMPORARY)) await this.delete(name);
  }

  async delete(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
  }
}
