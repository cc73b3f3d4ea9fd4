import { isSha256, type PackId, type Sha256 } from './identifier.ts';
import type { ReleasePath } from './release-path.ts';

/** Where a publisher puts Tabseed's own files, relative to the scope. Only the worker script lies at the root. */
export const FOLDER = 'tabseed';
export const WORKER_SCRIPT = 'tabseed-sw.js';
export const POINTER_PATH = `${FOLDER}/pointer.bin`;
const DELTA_PREFIX = `${FOLDER}/delta-`;
/** Enough that no two deltas of an app have one name: a name that is never reused may be cached for ever. */
const DELTA_HASH_CHARACTERS = 16;
export const CLIENT_SCRIPT = `${FOLDER}/client.js`;
/** The page that shows what Tabseed keeps and does in a browser, and what it is made of. */
export const STATE_FOLDER = `${FOLDER}/state/`;

export function packPath(pack: PackId): string {
  return `${FOLDER}/pack-${pack}.bin`;
}

/** A file of the release that makes it out of the one whose manifest has the hash `from`; `hash` is the file's own. */
export function deltaPath(from: Sha256, hash: Sha256): ReleasePath {
  return `${DELTA_PREFIX}${from}-${hash.slice(0, DELTA_HASH_CHARACTERS)}.bin`;
}

/** The hash of the manifest from which a delta starts; `undefined` for any other file. */
export function deltaSource(path: ReleasePath): Sha256 | undefined {
  const from = path.slice(DELTA_PREFIX.length, DELTA_PREFIX.length + 64);
  return isDeltaPath(path) && isSha256(from) ? from : undefined;
}

export function isDeltaPath(path: ReleasePath): boolean {
  return path.startsWith(DELTA_PREFIX);
}

/** What turns one manifest into another. It cannot be named by either, but by both. */
export function manifestPatchPath(to: Sha256, from: Sha256): string {
  return `${FOLDER}/manifest-${to}-from-${from}.bin`;
}

export function manifestPath(hash: Sha256): string {
  return `${FOLDER}/manifest-${hash}.bin`;
}
