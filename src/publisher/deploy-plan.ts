import {
  CLIENT_SCRIPT,
  manifestPath,
  POINTER_PATH,
  packPath,
  STATE_FOLDER,
  WORKER_SCRIPT,
} from '../protocol/layout.ts';
import { type Manifest, type Pack, packBytes } from '../protocol/manifest.ts';
import type { Pointer } from '../protocol/pointer.ts';
import { DEPLOY_LIST, type DeployFile, decodeDeployList, type EarlierList, type Removal } from './deploy-list.ts';
import type { PreviousRelease } from './previous-release.ts';
import type { ReleasePlace } from './release-place.ts';
import { isHtml, mediaTypeOf } from './response-headers.ts';
import type { StagedFiles } from './staged-files.ts';

/** Never changes under its name. */
export const IMMUTABLE = 'public, max-age=31536000, immutable';
/** Stored, and asked about before each use. */
const REVALIDATE = 'no-cache';

const BINARY = 'application/octet-stream';
const SCRIPT = 'text/javascript;charset=utf-8';

/**
 * How long files that a release no longer has must stay: a tab may be left open over a week. One that is open longer
 * gets what is missing from its store, peers and packs, or fails as it would without Tabseed.
 */
const SUPERSEDED_SECONDS = 7 * 24 * 60 * 60;

/** A list of 100,000 files takes some 20 MB. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;

/** A file to upload; `knownBytes` is set when it is not in the staging folder, but in OUT already. */
export interface DeployStep extends Omit<DeployFile, 'bytes'> {
  readonly knownBytes: number | undefined;
}

/** @param packs those that are in OUT afterwards */
export function deploySteps(
  packs: readonly Pack[],
  manifestFile: string,
  { clientScripts, published, manifestPatches }: Pick<StagedFiles, 'clientScripts' | 'published' | 'manifestPatches'>,
): DeployStep[] {
  const file = (
    step: DeployStep['step'],
    path: string,
    contentType: string,
    cacheControl: string,
    knownBytes?: number,
  ): DeployStep => ({ path, step, contentType, cacheControl, knownBytes });
  const plain = published.map(({ path, mediaType, cacheControl }) =>
    file(isHtml(mediaType) ? 2 : 1, path, mediaType, cacheControl ?? REVALIDATE),
  );
  return [
    ...packs.map((pack) => file(1, packPath(pack.id), BINARY, IMMUTABLE, packBytes(pack))),
    ...[manifestFile, ...manifestPatches].map((path) => file(1, path, BINARY, IMMUTABLE)),
    ...clientScripts.map((path) => file(1, path, typeOf(path), isHashNamed(path) ? IMMUTABLE : REVALIDATE)),
    ...plain.filter(({ step }) => step === 1),
    ...plain.filter(({ step }) => step === 2),
    file(3, WORKER_SCRIPT, SCRIPT, REVALIDATE),
    file(4, POINTER_PATH, BINARY, REVALIDATE),
  ];
}

/** All but the client script and the state page, whose URLs are known. */
function isHashNamed(path: string): boolean {
  return path !== CLIENT_SCRIPT && !path.startsWith(STATE_FOLDER);
}

function typeOf(path: string): string {
  return path.endsWith('.js') ? SCRIPT : mediaTypeOf(path);
}

/** The list of an earlier publish beside the previous release. A web server's word on what to delete counts nothing. */
export async function earlierList(place: ReleasePlace): Promise<EarlierList | undefined> {
  if (!place.isLocal) return undefined;
  const bytes = await place.read(DEPLOY_LIST, MAX_LIST_BYTES);
  return bytes === undefined ? undefined : decodeDeployList(bytes);
}

/**
 * What only earlier releases have. Files of which no release of ours knows are somebody else's and never in it.
 *
 * @param needed paths that the new release has or relies on
 * @param nowSeconds when its predecessor is superseded
 */
export function removals(
  { pointer, manifest }: Pick<PreviousRelease, 'pointer' | 'manifest'>,
  earlier: EarlierList | undefined,
  needed: ReadonlySet<string>,
  nowSeconds: number,
): Removal[] {
  const after = new Map<string, number>();
  for (const path of [...namedPaths(pointer, manifest), ...(earlier?.upload ?? []).map(({ path }) => path)]) {
    after.set(path, nowSeconds + SUPERSEDED_SECONDS);
  }
  // Superseded earlier still, so their time has begun already.
  for (const removal of earlier?.remove ?? []) {
    if (!after.has(removal.path)) after.set(removal.path, removal.after);
  }
  return [...after]
    .filter(([path]) => !needed.has(path))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, seconds]) => ({ path, after: seconds }));
}

function namedPaths(pointer: Pointer, manifest: Manifest): string[] {
  return [
    manifestPath(pointer.manifestHash),
    ...manifest.packs.map(({ id }) => packPath(id)),
    ...manifest.files.map(({ path }) => path),
  ];
}
