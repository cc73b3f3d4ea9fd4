import type { PackId, Sha256 } from './identifier.ts';

/** Where a publisher puts Tabseed's own files, relative to the scope. Only the worker script lies at the root. */
export const FOLDER = 'tabseed';
export const WORKER_SCRIPT = 'tabseed-sw.js';
export const POINTER_PATH = `${FOLDER}/pointer.bin`;
export const CLIENT_SCRIPT = `${FOLDER}/client.js`;

export function packPath(pack: PackId): string {
  return `${FOLDER}/pack-${pack}.bin`;
}

export function manifestPath(hash: Sha256): string {
  return `${FOLDER}/manifest-${hash}.bin`;
}
