import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sha256 } from '../protocol/identifier.ts';
import { manifestPath, POINTER_PATH, packPath } from '../protocol/layout.ts';
import { decodeManifest, type Manifest, type Pack, packBytes } from '../protocol/manifest.ts';
import { decodePointer, type Pointer, type SignedPointer } from '../protocol/pointer.ts';
import { errnoOf, PublishError } from './errors.ts';
import { isSignedBy } from './signing-key.ts';

/** The release that the next one follows; wherever it was read from, its signature was checked. */
export interface PreviousRelease {
  readonly pointer: Pointer;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  /** Those of its packs that can be relied on to be on the origin, in the manifest's order. */
  readonly packs: readonly Pack[];
}

/**
 * The release that lies in a folder; `undefined` when the folder is empty or missing.
 *
 * @throws PublishError `out-*`
 */
export async function readPreviousFrom(out: string, publicKey: Sha256): Promise<PreviousRelease | undefined> {
  if (await isEmptyOrMissing(out)) return undefined;
  const { pointer, ...signed } = await readPointer(out);
  if (!isSignedBy({ pointer, ...signed }, publicKey)) {
    throw new PublishError('out-other-key', `the release in ${out} is signed by another key: use that key`);
  }
  const manifestBytes = await readFile(join(out, manifestPath(pointer.manifestHash))).catch((cause: unknown) => {
    throw damaged(out, cause);
  });
  if (createHash('sha256').update(manifestBytes).digest('hex') !== pointer.manifestHash) {
    throw damaged(out, new Error('the manifest is not the one that the pointer names'));
  }
  const manifest = decoded(out, () => decodeManifest(manifestBytes));
  const isThere = await Promise.all(
    manifest.packs.map((pack) =>
      stat(join(out, packPath(pack.id))).then(
        ({ size }) => size === packBytes(pack),
        // A pack that somebody deleted is not relied on: its chunks are packed again.
        () => false,
      ),
    ),
  );
  return { pointer, manifest, manifestBytes, packs: manifest.packs.filter((_, index) => isThere[index]) };
}

async function isEmptyOrMissing(out: string): Promise<boolean> {
  try {
    return (await readdir(out)).length === 0;
  } catch (cause) {
    const reason = errnoOf(cause);
    if (reason === 'ENOENT') return true;
    throw new PublishError('out-unwritable', `${out} is no folder that can be read (${reason ?? 'unknown error'})`, {
      cause,
    });
  }
}

async function readPointer(out: string): Promise<SignedPointer> {
  const bytes = await readFile(join(out, POINTER_PATH)).catch((cause: unknown) => {
    if (errnoOf(cause) !== 'ENOENT' && errnoOf(cause) !== 'ENOTDIR') throw damaged(out, cause);
    throw new PublishError('out-foreign', `${out} has files but no release: choose an empty or a new folder`, {
      cause,
    });
  });
  return decoded(out, () => decodePointer(bytes));
}

function decoded<T>(out: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw damaged(out, cause);
  }
}

function damaged(out: string, cause: unknown): PublishError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PublishError('out-damaged', `the release in ${out} is damaged (${reason}): publish to a new folder`, {
    cause,
  });
}
