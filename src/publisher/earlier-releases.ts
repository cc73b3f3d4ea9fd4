import { createHash } from 'node:crypto';
import type { Sha256 } from '../protocol/identifier.ts';
import { deltaSource, manifestPath } from '../protocol/layout.ts';
import { MAX_MANIFEST_BYTES } from '../protocol/limits.ts';
import { decodeManifest, type Manifest } from '../protocol/manifest.ts';
import { isRetirement } from '../protocol/pointer.ts';
import type { PreviousRelease } from './previous-release.ts';

/** A release that clients may still have. */
export interface EarlierRelease {
  readonly hash: Sha256;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
}

/** Releases from which the next one can be reached by a delta. Who updates seldom takes chunks. */
const DELTA_RELEASES = 2;

/** The previous release, and those from which it can be reached itself; newest first. */
export async function earlierReleases(previous: PreviousRelease | undefined): Promise<EarlierRelease[]> {
  if (previous === undefined || isRetirement(previous.pointer)) return [];
  const { manifest, manifestBytes, pointer, place } = previous;
  const before: EarlierRelease[] = [];
  for (const { path } of manifest.files) {
    const hash = deltaSource(path);
    if (hash === undefined) continue;
    const bytes = await place.read(manifestPath(hash), MAX_MANIFEST_BYTES);
    if (bytes === undefined || createHash('sha256').update(bytes).digest('hex') !== hash) continue;
    before.push({ hash, manifest: decodeManifest(bytes), manifestBytes: bytes });
  }
  before.sort((a, b) => b.manifest.sequence - a.manifest.sequence);
  return [{ hash: pointer.manifestHash, manifest, manifestBytes }, ...before].slice(0, DELTA_RELEASES);
}
