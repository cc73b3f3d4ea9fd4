import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { errnoOf, PublishError } from './errors.ts';
import { isInside } from './source-tree.ts';

/**
 * The real path of OUT, which need not exist.
 *
 * @throws PublishError `folders-nested` when one of the two folders lies in the other.
 */
export async function resolveOut(source: string, out: string): Promise<string> {
  const realSource = await realPathOf(resolve(source));
  const realOut = await realPathOf(resolve(out));
  if (isInside(realOut, realSource)) {
    throw new PublishError('folders-nested', `${out} lies in ${source}: a release cannot contain itself, move it out`);
  }
  if (isInside(realSource, realOut)) {
    throw new PublishError('folders-nested', `${source} lies in ${out}: choose another folder for the release`);
  }
  return realOut;
}

/** The real path of a folder, which need not exist. */
export async function resolvePath(folder: string): Promise<string> {
  return await realPathOf(resolve(folder));
}

async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    const parent = dirname(path);
    // The root always exists; anything else that does not is judged by its parent.
    if (parent === path) throw cause;
    return join(await realPathOf(parent), basename(path));
  }
}

/** Paths of all files below a folder, sorted, with `/`; empty when it does not exist. */
export async function listFolder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    if (errnoOf(cause) === 'ENOENT') return [];
    throw cause;
  });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}
