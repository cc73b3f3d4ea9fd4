import { manifestByPatch } from '../core/manifest-patch.ts';
import { openBrowserDatabase } from '../platform/idb-database.ts';
import { readIfThere } from '../platform/release-files.ts';
import { subtleDigest } from '../platform/subtle-digest.ts';
import { RELEASES_RECORD, storageOwners } from '../protocol/browser-names.ts';
import type { Pointer } from '../protocol/pointer.ts';
import { nextTurn } from './next-turn.ts';

/** The manifest that a pointer names, made of those that the worker keeps; `undefined` when it is to be taken whole. */
export async function patchManifest(
  scope: string,
  { manifestHash: hash, manifestBytes: bytes }: Pointer,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const digest = subtleDigest();
  const held = await heldManifests(scope);
  const read = (path: string, maximumBytes: number): Promise<Uint8Array | undefined> =>
    readIfThere(scope, (input, init) => fetch(input, init), path, maximumBytes);
  const named = await Promise.all(
    held.map(async (manifest) => ({ hash: await digest.sha256(manifest), bytes: manifest })),
  );
  return manifestByPatch({ digest, read, pause: nextTurn }, named, { hash, bytes });
}

/** Newest first. The tab need not lead, so nobody has told it what there is. */
async function heldManifests(scope: string): Promise<Uint8Array[]> {
  // Missing in Firefox before 126: there the manifest comes whole.
  const databases = (await (indexedDB as Partial<IDBFactory>).databases?.()) ?? [];
  const [owner] = storageOwners(
    databases.map(({ name = '' }) => name),
    scope,
  );
  if (owner === undefined) return [];
  const database = openBrowserDatabase(owner);
  try {
    const { releases } = Object(await database.records.get(RELEASES_RECORD)) as { releases?: unknown };
    const known = Array.isArray(releases) ? (releases as unknown[]) : [];
    return known
      .map((release) => (Object(release) as { manifest?: unknown }).manifest)
      .filter((manifest) => manifest instanceof Uint8Array);
  } finally {
    await database.close();
  }
}
