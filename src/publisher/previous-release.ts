import { createHash } from 'node:crypto';
import { readdir, realpath } from 'node:fs/promises';
import { ProtocolError } from '../protocol/errors.ts';
import type { Sha256 } from '../protocol/identifier.ts';
import { manifestPath, POINTER_PATH } from '../protocol/layout.ts';
import { MAX_POINTER_BYTES } from '../protocol/limits.ts';
import { decodeManifest, type Manifest } from '../protocol/manifest.ts';
import { decodePointer, isRetirement, type Pointer, type SignedPointer } from '../protocol/pointer.ts';
import { DEFAULT_CHUNKING } from './chunker.ts';
import { errnoOf, PublishError } from './errors.ts';
import { FolderPlace } from './folder-place.ts';
import type { PublishPlan } from './options.ts';
import { PREVIOUS_HINT, type ReleasePlace } from './release-place.ts';
import { manifestOfRetired } from './retired-manifest.ts';
import { isSignedByAny } from './signing-key.ts';
import { isUrl, WebPlace } from './web-place.ts';

/** The release that the next one follows; wherever it was read from, its signature and hash were checked. */
export interface PreviousRelease {
  readonly pointer: Pointer;
  readonly pointerBytes: Uint8Array;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  readonly place: ReleasePlace;
  /** True: it lies in OUT. False: `--previous` named another place, and OUT is empty. */
  readonly isInOut: boolean;
}

/** What the errors of a place are called: those of OUT are mended otherwise than those of `--previous`. */
interface Wording {
  readonly damaged: 'out-damaged' | 'previous-damaged';
  readonly otherKey: 'out-other-key' | 'previous-other-key';
  readonly otherApp: 'out-other-app' | 'previous-other-app';
  readonly whenDamaged: string;
}

const IN_OUT: Wording = {
  damaged: 'out-damaged',
  otherKey: 'out-other-key',
  otherApp: 'out-other-app',
  whenDamaged: 'publish to a new folder',
};

const ELSEWHERE: Wording = {
  damaged: 'previous-damaged',
  otherKey: 'previous-other-key',
  otherApp: 'previous-other-app',
  whenDamaged: 'if an upload is under way, wait for its end; else name a good copy',
};

/** How an app is named from outside; `app: undefined` takes that of the previous release. */
export interface WantedApp {
  /** One of them must have signed it. */
  readonly publicKeys: readonly Sha256[];
  readonly app: string | undefined;
  readonly channel: string;
}

/**
 * The release to follow: that of `--previous`, else that in OUT; `undefined` starts an app.
 *
 * @param out the real path of OUT
 * @throws PublishError `out-*`, `previous-*`
 */
export async function findPrevious(
  plan: PublishPlan,
  out: string,
  wanted: WantedApp,
): Promise<PreviousRelease | undefined> {
  const isEmpty = await isEmptyOrMissing(out);
  if (plan.previous === undefined || (await isSameFolder(plan.previous, out))) {
    if (isEmpty) return undefined;
    const release = await readRelease(new FolderPlace(out), wanted, IN_OUT);
    if (release !== undefined) return { ...release, isInOut: true };
    throw new PublishError('out-foreign', `${plan.out} has files but no release: choose an empty or a new folder`);
  }
  if (!isEmpty) {
    const message = `${plan.out} is not empty: empty it, or leave --previous out and follow the release in it`;
    throw new PublishError('out-not-empty', message);
  }
  const place = isUrl(plan.previous) ? new WebPlace(plan.previous, plan.abort) : new FolderPlace(plan.previous);
  const release = await readRelease(place, wanted, ELSEWHERE);
  if (release !== undefined) return { ...release, isInOut: false };
  throw new PublishError('previous-missing', `${plan.previous} has no release (${POINTER_PATH}): ${PREVIOUS_HINT}`);
}

/** `undefined` when there is no pointer. */
async function readRelease(
  place: ReleasePlace,
  wanted: WantedApp,
  wording: Wording,
): Promise<Omit<PreviousRelease, 'isInOut'> | undefined> {
  const damaged = (cause: unknown): PublishError => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `the release in ${place.name} is damaged (${reason}): ${wording.whenDamaged}`;
    return new PublishError(wording.damaged, message, { cause });
  };
  const decoded = <T>(decode: () => T): T => {
    try {
      return decode();
    } catch (cause) {
      throw damaged(cause);
    }
  };

  const pointerBytes = await place.read(POINTER_PATH, MAX_POINTER_BYTES);
  if (pointerBytes === undefined) return undefined;
  // A host that turns unknown paths into a page has no release either.
  if (wording === ELSEWHERE && !isPointer(pointerBytes)) return undefined;
  const signed = decoded(() => decodePointer(pointerBytes));
  checkOwner(signed, place, wanted, wording);
  const { pointer } = signed;
  if (isRetirement(pointer)) {
    const manifest = manifestOfRetired(pointer, DEFAULT_CHUNKING);
    return { pointer, pointerBytes, manifest, manifestBytes: new Uint8Array(), place };
  }
  const manifestBytes = await place.read(manifestPath(pointer.manifestHash), pointer.manifestBytes);
  if (manifestBytes === undefined) throw damaged(new Error('its manifest is missing'));
  if (createHash('sha256').update(manifestBytes).digest('hex') !== pointer.manifestHash) {
    throw damaged(new Error('the manifest is not the one that the pointer names'));
  }
  return { pointer, pointerBytes, manifest: decoded(() => decodeManifest(manifestBytes)), manifestBytes, place };
}

/** False for a file of another kind, true for a damaged pointer. */
function isPointer(bytes: Uint8Array): boolean {
  try {
    decodePointer(bytes);
    return true;
  } catch (error) {
    return !(error instanceof ProtocolError && (error.code === 'unknown-type' || error.code === 'too-large'));
  }
}

function checkOwner(signed: SignedPointer, place: ReleasePlace, wanted: WantedApp, wording: Wording): void {
  if (!isSignedByAny(signed, wanted.publicKeys)) {
    throw new PublishError(wording.otherKey, `the release in ${place.name} is signed by another key: use that key`);
  }
  const { app, channel } = signed.pointer;
  if (app === (wanted.app ?? app) && channel === wanted.channel) return;
  const message = `${place.name} holds app "${app}", channel "${channel}": name it, or choose another place`;
  throw new PublishError(wording.otherApp, message);
}

async function isEmptyOrMissing(out: string): Promise<boolean> {
  try {
    // A branch that is checked out into an empty folder is empty.
    return (await readdir(out)).every((name) => name === '.git');
  } catch (cause) {
    const reason = errnoOf(cause);
    if (reason === 'ENOENT') return true;
    throw new PublishError('out-unwritable', `${out} is no folder that can be read (${reason ?? 'unknown error'})`, {
      cause,
    });
  }
}

async function isSameFolder(place: string, out: string): Promise<boolean> {
  if (isUrl(place)) return false;
  return await realpath(place).then(
    (real) => real === out,
    () => false, // Missing: reading from it will say so.
  );
}
