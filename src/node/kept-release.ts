import type { Digest } from '../core/ports.ts';
import { SignatureError, verifyPointer } from '../platform/pointer-signature.ts';
import type { LoadedRelease } from '../platform/release-source.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { decodeManifest } from '../protocol/manifest.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';
import type { DiskRecords } from './disk-records.ts';

/** `previous` is the release before, which browsers that have not updated yet still ask for. */
export type KeptName = 'newest' | 'previous';

const POINTER_FILE = { newest: 'pointer.bin', previous: 'previous-pointer.bin' };
const MANIFEST_FILE = { newest: 'manifest.bin', previous: 'previous-manifest.bin' };

/** A release that this peer has kept, verified again; `undefined` when there is none, or it is damaged. */
export async function readKeptRelease(
  name: KeptName,
  records: DiskRecords,
  config: WorkerConfig,
  digest: Digest,
): Promise<LoadedRelease | undefined> {
  const pointerBytes = await records.read(POINTER_FILE[name]);
  const manifestBytes = await records.read(MANIFEST_FILE[name]);
  if (pointerBytes === undefined || manifestBytes === undefined) return undefined;
  try {
    const pointer = await verifyPointer(pointerBytes, config);
    if ((await digest.sha256(manifestBytes)) !== pointer.manifestHash) return undefined;
    return { pointerBytes, manifestBytes, pointer, manifest: decodeManifest(manifestBytes) };
  } catch (error) {
    // Damaged, of another version, or signed with a key that is no longer trusted: it is loaded anew.
    if (error instanceof ProtocolError || error instanceof SignatureError) return undefined;
    throw error;
  }
}

/** A crash between the two leaves a pair that does not fit, which the next start loads anew. */
export async function keepRelease(name: KeptName, records: DiskRecords, release: LoadedRelease): Promise<void> {
  await records.write(MANIFEST_FILE[name], release.manifestBytes);
  await records.write(POINTER_FILE[name], release.pointerBytes);
}
