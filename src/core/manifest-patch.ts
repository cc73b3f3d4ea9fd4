import type { Sha256 } from '../protocol/identifier.ts';
import { manifestPatchPath } from '../protocol/layout.ts';
import { patchedManifest } from './delta.ts';
import type { Digest } from './ports.ts';

/** The publisher writes patches from two releases; one that was passed over, and the one that is in use. */
const MAX_TRIES = 2;

export interface HeldManifest {
  readonly hash: Sha256;
  readonly bytes: Uint8Array;
}

/** As a pointer names it. */
export interface WantedManifest {
  readonly hash: Sha256;
  readonly bytes: number;
}

export interface ManifestPatchPorts {
  readonly digest: Digest;
  /** A file of the origin; `undefined` when it does not come, or is longer than that. */
  read(path: string, maximumBytes: number): Promise<Uint8Array | undefined>;
  /** Called between two steps of at most a millisecond or so, for whoever else uses the thread. */
  pause(): Promise<void>;
}

/** Makes a manifest out of one that is held; `undefined` when no patch makes it, and it is to be taken whole. */
export async function manifestByPatch(
  ports: ManifestPatchPorts,
  held: readonly HeldManifest[],
  wanted: WantedManifest,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  // It is here already: whoever asks had not heard of it.
  if (held.some(({ hash }) => hash === wanted.hash)) return undefined;
  for (const { hash, bytes } of held.slice(0, MAX_TRIES)) {
    // It must be shorter than what it makes, or it saves nothing.
    const patch = await ports.read(manifestPatchPath(wanted.hash, hash), wanted.bytes);
    if (patch === undefined) continue;
    const made = await patchedManifest(bytes, patch, wanted.bytes, () => ports.pause());
    return made !== undefined && (await ports.digest.sha256(made)) === wanted.hash ? made : undefined;
  }
  return undefined;
}
