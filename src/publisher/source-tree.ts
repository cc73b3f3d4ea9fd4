import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { pathProblem, type ReleasePath } from '../protocol/release-path.ts';
import { errnoOf, PublishError } from './errors.ts';

/** A file below SRC; `path` may be that of a symbolic link to it. */
export interface SourceFile {
  readonly path: ReleasePath;
  /** Where it is read from: absolute, links resolved. */
  readonly location: string;
  readonly bytes: number;
}

/** Never published, at any depth: histories and what a desktop leaves behind. */
const JUNK = new Set(['.git', '.DS_Store']);

/**
 * All files below a folder, sorted by path (code units, as in a manifest). Links to files and folders inside it are
 * followed.
 *
 * @throws PublishError `source-*`
 */
export async function listSource(folder: string): Promise<SourceFile[]> {
  let root: string;
  try {
    root = await realpath(folder);
    if (!(await stat(root)).isDirectory()) throw new PublishError('source-missing', `${folder} is not a folder`);
  } catch (cause) {
    if (cause instanceof PublishError) throw cause;
    throw new PublishError(
      'source-missing',
      `${folder} cannot be read (${errnoOf(cause) ?? 'unknown error'}): name the folder of the built app`,
      {
        cause,
      },
    );
  }
  const files: SourceFile[] = [];
  await walk({ root, files }, root, '', [root]);
  if (files.length === 0) throw new PublishError('source-empty', `${folder} has no files: build the app first`);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

interface Walk {
  readonly root: string;
  readonly files: SourceFile[];
}

async function walk(state: Walk, folder: string, prefix: string, ancestors: readonly string[]): Promise<void> {
  const entries = await reading(prefix, () => readdir(folder, { withFileTypes: true }));
  for (const entry of entries) {
    if (JUNK.has(entry.name)) continue;
    const path = `${prefix}${entry.name}`;
    checkName(path);
    const location = entry.isSymbolicLink()
      ? await followLink(state.root, folder, entry, path)
      : join(folder, entry.name);
    const found = await reading(path, () => stat(location));
    if (found.isDirectory()) {
      if (ancestors.includes(location)) {
        throw new PublishError('source-link', `the link ${path} leads to a folder that it lies in: remove it`);
      }
      await walk(state, location, `${path}/`, [...ancestors, location]);
    } else if (found.isFile()) {
      state.files.push({ path, location, bytes: found.size });
    } else {
      throw new PublishError('source-unreadable', `${path} is neither a file nor a folder: remove it`);
    }
  }
}

async function followLink(root: string, folder: string, entry: Dirent, path: string): Promise<string> {
  let target: string;
  try {
    target = await realpath(join(folder, entry.name));
  } catch (cause) {
    throw new PublishError('source-link', `the link ${path} leads nowhere: remove it`, { cause });
  }
  if (!isInside(target, root)) {
    throw new PublishError('source-link', `the link ${path} leads out of the folder: copy the file instead`);
  }
  return target;
}

function checkName(path: string): void {
  // Node reads names as UTF-8 and puts U+FFFD where they are not: such a file could not even be opened.
  const problem = path.includes('\ufffd') ? 'it is not valid UTF-8' : pathProblem(path);
  if (problem !== undefined) {
    throw new PublishError('source-path', `${JSON.stringify(path)} cannot be a URL (${problem}): rename it`);
  }
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const reason = errnoOf(cause) ?? 'unknown error';
    throw new PublishError('source-unreadable', `${path === '' ? 'the folder' : path} cannot be read (${reason})`, {
      cause,
    });
  }
}

/** Whether `path` is `folder` or lies below it; both absolute, without links. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !way.startsWith(sep));
}
