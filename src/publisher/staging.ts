import { copyFile, lstat, mkdir, mkdtemp, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, PublishError } from './errors.ts';
import { isSameFile } from './same-file.ts';
import { isInside } from './source-tree.ts';

/** A folder like OUT in which a release is put together, so that a failure leaves OUT alone. */
export class Staging {
  /** Stands for OUT. */
  readonly root: string;
  readonly #temporary: string;
  readonly #out: string;
  /** The topmost folder that had to be made for it; removed again when nothing is published. */
  readonly #madeParent: string | undefined;

  private constructor(temporary: string, out: string, madeParent: string | undefined) {
    // A folder of its own: a temporary one is for this user alone, OUT is as the umask says.
    this.root = join(temporary, 'out');
    this.#temporary = temporary;
    this.#out = out;
    this.#madeParent = madeParent;
  }

  /** Beside OUT, so that moving a file is a rename. @throws PublishError `out-unwritable` */
  static async create(out: string): Promise<Staging> {
    try {
      const madeParent = await mkdir(dirname(out), { recursive: true });
      const temporary = await mkdtemp(join(dirname(out), `.${basename(out)}-publish-`)).catch(
        // OUT may be a mounted folder in a place that is not ours.
        () => mkdtemp(join(out, '.publish-')),
      );
      const staging = new Staging(temporary, out, madeParent);
      await mkdir(staging.root);
      return staging;
    } catch (cause) {
      throw new PublishError('out-unwritable', `${out} cannot be written (${errnoOf(cause) ?? 'unknown error'})`, {
        cause,
      });
    }
  }

  /** The location of a file in it, whose folder exists afterwards. */
  async place(path: string): Promise<string> {
    const location = join(this.root, path);
    await mkdir(dirname(location), { recursive: true });
    return location;
  }

  async sizeOf(path: string): Promise<number> {
    return (await stat(join(this.root, path))).size;
  }

  /** Everything that was staged, one by one into OUT in this order; a reader of OUT never sees half a file. */
  async moveToOut(paths: readonly string[]): Promise<void> {
    if (!(await this.#becomesOut())) {
      for (const path of paths) {
        const target = join(this.#out, path);
        // Left alone, it keeps its time, and so the ETag that most servers make of it.
        if (await isSameFile(join(this.root, path), target)) continue;
        await makeRoom(this.#out, path);
        await mkdir(dirname(target), { recursive: true });
        await move(join(this.root, path), target);
      }
    }
    await rm(this.#temporary, { recursive: true, force: true });
  }

  /** Removes it and leaves OUT as it was. */
  async discard(): Promise<void> {
    await rm(this.#temporary, { recursive: true, force: true });
    if (this.#madeParent === undefined) return;
    for (let folder = dirname(this.#out); isInside(folder, this.#madeParent); folder = dirname(folder)) {
      // Somebody else may have put something there in the meantime: then it stays.
      await rmdir(folder).catch(() => undefined);
    }
  }

  /** A first release takes its place in one step. */
  async #becomesOut(): Promise<boolean> {
    const existing = await readdir(this.#out).catch(() => undefined);
    if (existing !== undefined && existing.length > 0) return false;
    try {
      await rename(this.root, this.#out);
      return true;
    } catch {
      // A mount point or another file system: the files go one by one.
      return false;
    }
  }
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (cause) {
    if (errnoOf(cause) !== 'EXDEV') throw cause;
    const beside = `${to}.publishing`;
    await copyFile(from, beside);
    await rename(beside, to);
  }
}

/** An earlier release may have had a file where this one has a folder, and the other way round. */
async function makeRoom(out: string, path: string): Promise<void> {
  const segments = path.split('/');
  for (let depth = 1; depth <= segments.length; depth += 1) {
    const location = join(out, ...segments.slice(0, depth));
    const found = await lstat(location).catch(() => undefined);
    if (found === undefined) return;
    if (found.isDirectory() !== depth < segments.length) {
      await rm(location, { recursive: true });
      return;
    }
  }
}
