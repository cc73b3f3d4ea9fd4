import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { packPath } from '../protocol/layout.ts';
import { type Pack, packBytes } from '../protocol/manifest.ts';
import type { PreviousRelease } from './previous-release.ts';
import type { Staging } from './staging.ts';

/** Requests at once: what browsers open to one host, so that no host takes a deployment for an attack. */
const LANES = 6;

/**
 * Packs of the previous release that the next one may go on naming. What is lost on the host is left out: its chunks are
 * packed anew.
 *
 * @param copyTo gets a copy of each; `undefined` when they stay where they are
 * @throws PublishError `previous-unreachable`
 */
export async function earlierPacks(previous: PreviousRelease, copyTo: Staging | undefined): Promise<readonly Pack[]> {
  const { packs } = previous.manifest;
  const isThere: boolean[] = [];
  for (let start = 0; start < packs.length; start += LANES) {
    const batch = packs.slice(start, start + LANES).map((pack) => {
      if (copyTo !== undefined) return copyPack(pack, previous, copyTo);
      return previous.place.has(packPath(pack.id), packBytes(pack));
    });
    isThere.push(...(await Promise.all(batch)));
  }
  return packs.filter((_, index) => isThere[index]);
}

async function copyPack(pack: Pack, { place }: PreviousRelease, staging: Staging): Promise<boolean> {
  const path = packPath(pack.id);
  const bytes = await place.read(path, packBytes(pack));
  if (bytes === undefined || createHash('sha256').update(bytes).digest('hex') !== pack.id) return false;
  await writeFile(await staging.place(path), bytes);
  return true;
}
