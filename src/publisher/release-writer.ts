import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { manifestPath, POINTER_PATH, packPath, WORKER_SCRIPT } from '../protocol/layout.ts';
import { type Manifest, type Pack, packBytes } from '../protocol/manifest.ts';
import { encodePointer, type Pointer, pointerBytesToSign } from '../protocol/pointer.ts';
import { DEPLOY_LIST, type DeployFile, type DeployList, encodeDeployList } from './deploy-list.ts';
import { deploySteps, earlierList, removals } from './deploy-plan.ts';
import { PublishError } from './errors.ts';
import type { PublishPlan } from './options.ts';
import type { PreviousRelease } from './previous-release.ts';
import { checkedManifestBytes } from './release-manifest.ts';
import type { Situation } from './situation.ts';
import type { StagedFiles } from './staged-files.ts';
import type { Staging } from './staging.ts';

/** Long enough for a deployment that rests, short enough that a stale release does not pass for the newest for ever. */
const VALIDITY_SECONDS = 90 * 24 * 60 * 60;

export interface StagedRelease {
  readonly pointer: Pointer;
  readonly manifest: Manifest;
  /** What is new in the staging folder, in the order in which OUT gets it. */
  readonly paths: readonly string[];
  readonly list: DeployList;
}

/** A signed pointer and the manifest that it names. */
export interface SignedRelease
  extends Pick<PreviousRelease, 'pointer' | 'pointerBytes' | 'manifest' | 'manifestBytes'> {}

/** @throws PublishError `sequence-low`, `release-too-large`, `option-invalid` */
export function signRelease(
  plan: Pick<PublishPlan, 'sequence' | 'now' | 'withdraw'>,
  { keys, previous }: Pick<Situation, 'keys' | 'previous'>,
  files: Pick<StagedFiles, 'manifest'>,
): SignedRelease {
  const manifest: Manifest = { ...files.manifest, sequence: nextSequence(plan, previous?.pointer.sequence) };
  const manifestBytes = checkedManifestBytes(manifest);
  const pointer: Pointer = {
    app: manifest.app,
    channel: manifest.channel,
    sequence: manifest.sequence,
    created: manifest.created,
    expires: manifest.created + VALIDITY_SECONDS,
    minimumSequence: plan.withdraw ? manifest.sequence : (previous?.pointer.minimumSequence ?? 0),
    manifestHash: createHash('sha256').update(manifestBytes).digest('hex'),
    manifestBytes: manifestBytes.length,
  };
  const pointerBytes = encodePointer(pointer, keys.sign(pointerBytesToSign(pointer)));
  return { pointer, pointerBytes, manifest, manifestBytes };
}

/** What a release follows, and what it goes on relying on. */
export interface ReleaseSituation extends Pick<Situation, 'previous' | 'existing'> {
  /** Files that the host has beside the releases and that stay as they are. @default none */
  readonly carried?: readonly DeployFile[];
}

/** Manifest, pointer and deploy list for files that are staged already. */
export async function stageRelease(
  plan: PublishPlan,
  situation: ReleaseSituation,
  files: StagedFiles,
  staging: Staging,
  { pointer, pointerBytes, manifest, manifestBytes }: SignedRelease,
): Promise<StagedRelease> {
  const manifestFile = manifestPath(pointer.manifestHash);
  await writeFile(await staging.place(manifestFile), manifestBytes);
  await writeFile(await staging.place(POINTER_PATH), pointerBytes);
  const list = await deployList(plan, situation, files, staging, { manifest, manifestFile });
  await writeFile(await staging.place(DEPLOY_LIST), encodeDeployList(list));
  const paths = [
    ...[...files.copiedPacks, ...files.newPacks].map(({ id }) => packPath(id)),
    manifestFile,
    ...files.manifestPatches,
    ...files.clientScripts,
    ...files.published.map(({ path }) => path),
    WORKER_SCRIPT,
    DEPLOY_LIST,
    POINTER_PATH,
  ];
  return { pointer, manifest, paths, list };
}

async function deployList(
  plan: PublishPlan,
  { previous, existing, carried = [] }: ReleaseSituation,
  files: StagedFiles,
  staging: Staging,
  { manifest, manifestFile }: { readonly manifest: Manifest; readonly manifestFile: string },
): Promise<DeployList> {
  const fresh = new Set([...files.newPacks, ...files.copiedPacks].map(({ id }) => id));
  const isInOut = (pack: Pack) => previous === undefined || previous.isInOut || fresh.has(pack.id);
  const again = previous?.isInOut === true ? carried.map((file) => ({ ...file, knownBytes: file.bytes })) : [];
  const steps = [...deploySteps(manifest.packs.filter(isInOut), manifestFile, files), ...again];
  steps.sort((a, b) => a.step - b.step);
  const upload = await Promise.all(
    steps.map(async ({ path, step, knownBytes, contentType, cacheControl }) => {
      const bytes = knownBytes ?? (await staging.sizeOf(path));
      return { path, step, bytes, contentType, cacheControl };
    }),
  );
  const packsElsewhere = manifest.packs
    .filter((pack) => !isInOut(pack))
    .map((pack) => ({ path: packPath(pack.id), bytes: packBytes(pack) }));
  const filesElsewhere = previous?.isInOut === false ? carried.map(({ path, bytes }) => ({ path, bytes })) : [];
  const keep = [...packsElsewhere, ...filesElsewhere];
  const list = { format: 1, sequence: manifest.sequence, upload, keep } as const;
  if (previous === undefined) return { ...list, remove: [] };
  const needed = new Set([...upload, ...keep].map(({ path }) => path));
  // The time of the release may be that of an old commit. Only who asks for the same bytes again gets it.
  const supersededAt = plan.sequence === undefined ? plan.now : plan.created;
  const remove = removals(previous, await earlierList(previous.place), needed, supersededAt);
  const present = new Set(existing);
  return { ...list, remove: previous.isInOut ? remove.filter(({ path }) => present.has(path)) : remove };
}

/** The time keeps sequences rising even for a publisher who lost the previous release. */
function nextSequence(plan: Pick<PublishPlan, 'sequence' | 'now'>, previous: number | undefined): number {
  if (plan.sequence === undefined) return Math.max((previous ?? 0) + 1, plan.now);
  if (previous !== undefined && plan.sequence <= previous) throw sequenceLow(plan.sequence, previous);
  return plan.sequence;
}

export function sequenceLow(asked: number, previous: number): PublishError {
  return new PublishError('sequence-low', `sequence ${asked} is not above ${previous}, the last one: leave it out`);
}
