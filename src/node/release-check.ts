import { setImmediate } from 'node:timers/promises';
import { manifestByPatch } from '../core/manifest-patch.ts';
import type { Digest } from '../core/ports.ts';
import { filesFirst, readIfThere, releaseFiles } from '../platform/release-files.ts';
import { type LoadedRelease, loadRelease, type ReleaseOutcome } from '../platform/release-source.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { decodeManifest } from '../protocol/manifest.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';

/**
 * Looks for a release that is newer than the one which is kept, and makes its manifest out of that one's where the
 * publisher has a patch for it.
 *
 * @throws OriginError
 */
export async function checkRelease(
  base: string,
  config: WorkerConfig,
  kept: LoadedRelease | undefined,
  digest: Digest,
): Promise<ReleaseOutcome> {
  const request = { base, config, known: kept?.pointer, now: Date.now, digest, decode: decodeManifest };
  const files = kept === undefined ? [] : await filesFor(base, kept, digest);
  return await loadRelease({ ...request, fetch: filesFirst(files, fetch) });
}

async function filesFor(
  base: string,
  { pointer: { sequence, manifestHash }, manifestBytes }: LoadedRelease,
  digest: Digest,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const held = [{ hash: manifestHash, bytes: manifestBytes }];
  const read = (path: string, maximumBytes: number): Promise<Uint8Array | undefined> =>
    readIfThere(base, fetch, path, maximumBytes);
  const ports = { digest, read, pause: () => setImmediate() };
  try {
    return await releaseFiles(base, fetch, sequence, ({ manifestHash: hash, manifestBytes: bytes }) =>
      manifestByPatch(ports, held, { hash, bytes }),
    );
  } catch (error) {
    // No pointer: whoever reads it next says why.
    if (error instanceof ProtocolError) return [];
    throw error;
  }
}
