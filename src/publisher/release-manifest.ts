import { join } from 'node:path';
import { ProtocolError } from '../protocol/errors.ts';
import { WORKER_SCRIPT } from '../protocol/layout.ts';
import { decodeManifest, encodeManifest, type Manifest } from '../protocol/manifest.ts';
import { PublishError } from './errors.ts';
import type { PreviousRelease } from './previous-release.ts';
import { withoutDeltas } from './release-deltas.ts';
import { isSameFile } from './same-file.ts';
import type { StagedFiles } from './staged-files.ts';
import type { Staging } from './staging.ts';

/**
 * The manifest's bytes, after a client's own decoder accepted them.
 *
 * @throws PublishError `release-too-large` and others that a decoder would refuse
 */
export function checkedManifestBytes(manifest: Manifest): Uint8Array<ArrayBuffer> {
  try {
    const bytes = encodeManifest(manifest);
    decodeManifest(bytes);
    return bytes;
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    const code = cause.code === 'too-large' ? 'release-too-large' : 'option-invalid';
    throw new PublishError(code, `no browser could read this release (${cause.message}): exclude some files`, {
      cause,
    });
  }
}

/** Whether a new release would differ from the previous one in nothing but its sequence and time. */
export async function isUnchanged(
  previous: PreviousRelease,
  files: StagedFiles,
  staging: Staging,
  out: string,
): Promise<boolean> {
  const { sequence, created } = previous.manifest;
  const asBefore = encodeManifest({ ...files.manifest, sequence, created });
  if (Buffer.compare(asBefore, encodeManifest(withoutDeltas(previous.manifest))) !== 0) return false;
  // What is no part of a release needs no new one, but OUT has to get it; where OUT is empty, it gets everything.
  if (!previous.isInOut) return true;
  const paths = [...files.clientScripts, WORKER_SCRIPT, ...files.published.map(({ path }) => path)];
  for (const path of paths) {
    if (!(await isSameFile(join(staging.root, path), join(out, path)))) return false;
  }
  return true;
}
