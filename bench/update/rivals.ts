import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';
import type { ReleaseFolder } from './release-folder.ts';

const BROTLI_QUALITY = 9;
const MAX_PATCH_BYTES = 64 * 1024 * 1024;

/** What a precache fetches: each changed file, as a CDN compresses it. */
export function precacheBytes(old: ReleaseFolder, next: ReleaseFolder): number {
  let bytes = 0;
  for (const path of next.changedSince(old)) {
    const content = readFileSync(next.files.get(path)?.location ?? '');
    bytes += brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }).length;
  }
  return bytes;
}

/** `zstd -19 --patch-from`, each changed file against the one that it was; `null` where there is no zstd. */
export function zstdPatchBytes(old: ReleaseFolder, next: ReleaseFolder): number | null {
  if (spawnSync('zstd', ['--version']).error !== undefined) return null;
  let bytes = 0;
  for (const path of next.changedSince(old)) {
    const file = next.files.get(path);
    if (file === undefined) continue;
    const before = old.predecessorOf(path, file);
    const patch = before === undefined ? [] : [`--patch-from=${before}`];
    const args = ['-19', '--ultra', '--quiet', '--no-check', '--stdout', ...patch, file.location];
    bytes += execFileSync('zstd', args, { maxBuffer: MAX_PATCH_BYTES, stdio: ['ignore', 'pipe', 'ignore'] }).length;
  }
  return bytes;
}
