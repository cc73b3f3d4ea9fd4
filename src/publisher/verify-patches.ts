import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeDeltaHead, decodeDeltaIndex, newNames, plainBytesOf } from '../protocol/delta.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { Sha256 } from '../protocol/identifier.ts';
import { deltaSource, FOLDER, manifestPatchPath, manifestPath } from '../protocol/layout.ts';
import { MAX_MANIFEST_BYTES } from '../protocol/limits.ts';
import { decodeLzma } from '../protocol/lzma-decoder.ts';
import { decodeManifest, type Manifest, type PackedChunk } from '../protocol/manifest.ts';
import type { Pointer } from '../protocol/pointer.ts';
import { readSmallFile } from './folder-file.ts';
import { FolderPlace } from './folder-place.ts';
import { PackedContent } from './packed-content.ts';
import { DamageError } from './verify-errors.ts';

/** A file of `FOLDER` that makes a manifest of another one, see `manifestPatchPath`. */
const PATCH_NAME = /^manifest-[0-9a-f]{64}-from-([0-9a-f]{64})\.bin$/;

/**
 * Checks what makes a release out of an earlier one, for each earlier one that is in the folder, too: what patches make is
 * in no file, so that nothing else would tell.
 */
export async function verifyPatches(
  out: string,
  { manifestHash, manifestBytes }: Pointer,
  manifest: Manifest,
  attempt: (check: () => Promise<void>) => Promise<void>,
): Promise<void> {
  for (const name of (await readdir(join(out, FOLDER))).sort()) {
    const [, from] = PATCH_NAME.exec(name) ?? [];
    if (from === undefined || `${FOLDER}/${name}` !== manifestPatchPath(manifestHash, from)) continue;
    await attempt(async () => {
      const held = await heldManifest(out, from);
      if (held === undefined) return;
      const path = manifestPatchPath(manifestHash, from);
      const made = applied([held], await readSmallFile(out, path, MAX_MANIFEST_BYTES), manifestBytes);
      if (made === undefined || sha256(made) !== manifestHash) throw wrong(path, 'does not make the manifest');
    });
  }
  for (const { path, plainBytes } of manifest.files) {
    const from = deltaSource(path);
    if (from === undefined) continue;
    await attempt(async () => {
      const held = await heldManifest(out, from);
      if (held === undefined) return;
      await verifyDelta(path, await readSmallFile(out, path, plainBytes), decodeManifest(held), manifest, out);
    });
  }
}

async function verifyDelta(
  path: string,
  delta: Uint8Array,
  held: Manifest,
  next: Manifest,
  out: string,
): Promise<void> {
  const content = new PackedContent(held, [new FolderPlace(out)]);
  const names = newNames(held, next);
  try {
    const { start, end } = decodeDeltaHead(delta);
    const place = { end, deltaBytes: delta.length };
    for (const { source, target, offset, bytes } of decodeDeltaIndex(delta.subarray(start, end), place, held, next)) {
      // Of packs that are on the host alone, nothing can be said here.
      const plain = await content.read(source);
      if (plain === undefined) continue;
      const made = applied([...plain, names], delta.subarray(offset, offset + bytes), plainBytesOf(target));
      if (made === undefined || !isMadeOf(made, target)) throw wrong(path, 'does not make the chunks of the release');
    }
  } catch (error) {
    if (error instanceof ProtocolError) throw wrong(path, `cannot be read (${error.message})`);
    throw error;
  }
}

/** An earlier manifest; it may have gone, since no file of the release names it. */
async function heldManifest(out: string, hash: Sha256): Promise<Uint8Array | undefined> {
  const bytes = await new FolderPlace(out).read(manifestPath(hash), MAX_MANIFEST_BYTES);
  return bytes !== undefined && sha256(bytes) === hash ? bytes : undefined;
}

function applied(dictionary: readonly Uint8Array[], patch: Uint8Array, plainBytes: number): Uint8Array | undefined {
  const start = dictionary.reduce((sum, { length }) => sum + length, 0);
  const window = Buffer.concat(dictionary, start + plainBytes);
  try {
    const steps = decodeLzma(patch, window, start);
    while (steps.next().done !== true);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
  return window.subarray(start);
}

function isMadeOf(plain: Uint8Array, chunks: readonly PackedChunk[]): boolean {
  let offset = 0;
  return chunks.every(({ id, plainBytes }) => {
    const chunk = plain.subarray(offset, offset + plainBytes);
    offset += plainBytes;
    return sha256(chunk) === id;
  });
}

function wrong(path: string, problem: string): DamageError {
  return new DamageError('patch-wrong', path, `${problem}: browsers would take all of it instead; publish again`);
}

function sha256(bytes: Uint8Array): Sha256 {
  return createHash('sha256').update(bytes).digest('hex');
}
