import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { decodeDeltaHead, decodeDeltaIndex, missingChunks } from '../../src/protocol/delta.ts';
import type { Sha256 } from '../../src/protocol/identifier.ts';
import { deltaSource, manifestPatchPath, manifestPath, POINTER_PATH } from '../../src/protocol/layout.ts';
import { chunksOfFile, decodeManifest, type Manifest } from '../../src/protocol/manifest.ts';
import { decodePointer } from '../../src/protocol/pointer.ts';

/** What a client takes from the origin that holds a whole release and installs the next one. */
export interface ClientBytes {
  readonly pointerBytes: number;
  readonly manifestBytes: number;
  readonly deltaBytes: number;
  /** What the delta does not make. */
  readonly chunkBytes: number;
}

/** A release as it lies in a published folder. */
interface PublishedRelease {
  readonly hash: Sha256;
  readonly pointerBytes: number;
  readonly manifestBytes: number;
  readonly manifest: Manifest;
}

/** @param held what the client has. @param out the folder that is deployed. */
export function clientBytes(held: PublishedRelease, out: string): ClientBytes {
  const next = readRelease(out);
  const patch = join(out, manifestPatchPath(next.hash, held.hash));
  const missing = new Map(
    missingChunks(held.manifest, next.manifest).map(({ id, encodedBytes }) => [id, encodedBytes]),
  );
  const file = next.manifest.files.find(({ path }) => deltaSource(path) === held.hash);
  let deltaBytes = 0;
  if (file !== undefined) {
    const delta = readFileSync(join(out, file.path));
    const { start, end } = decodeDeltaHead(delta);
    const place = { end, deltaBytes: delta.length };
    for (const { target } of decodeDeltaIndex(delta.subarray(start, end), place, held.manifest, next.manifest)) {
      for (const { id } of target) missing.delete(id);
    }
    deltaBytes = sum(chunksOfFile(next.manifest, file).map(({ encodedBytes }) => encodedBytes));
  }
  return {
    pointerBytes: next.pointerBytes,
    manifestBytes: existsSync(patch) ? statSync(patch).size : next.manifestBytes,
    deltaBytes,
    chunkBytes: sum(missing.values()),
  };
}

/** The newest release of a published folder. */
export function readRelease(out: string): PublishedRelease {
  const pointerFile = readFileSync(join(out, POINTER_PATH));
  const { pointer } = decodePointer(pointerFile);
  const manifestFile = readFileSync(join(out, manifestPath(pointer.manifestHash)));
  return {
    hash: pointer.manifestHash,
    pointerBytes: pointerFile.length,
    manifestBytes: manifestFile.length,
    manifest: decodeManifest(manifestFile),
  };
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
