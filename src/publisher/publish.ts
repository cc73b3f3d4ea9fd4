import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { manifestPath, POINTER_PATH, packPath, WORKER_SCRIPT } from '../protocol/layout.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { encodePointer, type Pointer, pointerBytesToSign } from '../protocol/pointer.ts';
import { DEPLOY_LIST, deploySteps, encodeDeployList, removableFiles } from './deploy-list.ts';
import { errnoOf, PublishError } from './errors.ts';
import type { PublishPlan } from './options.ts';
import { checkedManifestBytes, isUnchanged } from './release-manifest.ts';
import { type PublishReport, reportOf } from './report.ts';
import { inspect, type Situation } from './situation.ts';
import { type StagedFiles, stageFiles } from './staged-files.ts';
import { Staging } from './staging.ts';

/** Long enough for a deployment that rests, short enough that a stale release does not pass for the newest for ever. */
const VALIDITY_SECONDS = 90 * 24 * 60 * 60;

/** Publishes one release into `plan.out`; on an error OUT is as it was. @throws PublishError */
export async function publishRelease(plan: PublishPlan): Promise<PublishReport> {
  const situation = await inspect(plan);
  const staging = await Staging.create(situation.out);
  try {
    const files = await stageFiles(plan, situation, staging);
    const { previous } = situation;
    if (previous !== undefined && plan.sequence !== undefined && plan.sequence < previous.pointer.sequence) {
      throw sequenceLow(plan.sequence, previous.pointer.sequence);
    }
    const asksForNext = plan.sequence !== undefined && plan.sequence > (previous?.pointer.sequence ?? 0);
    if (previous !== undefined && !asksForNext && (await isUnchanged(previous, files, staging, situation.out))) {
      await staging.discard();
      return reportOf('unchanged', plan, situation, files, previous);
    }
    const release = await stageRelease(plan, situation, files, staging);
    plan.abort?.throwIfAborted();
    await staging.moveToOut(release.paths);
    return reportOf('published', plan, situation, files, release);
  } catch (error) {
    await staging.discard();
    if (error instanceof PublishError || errnoOf(error)?.startsWith('E') !== true) throw error;
    throw new PublishError('out-unwritable', `the release cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

interface StagedRelease {
  readonly pointer: Pointer;
  readonly manifest: Manifest;
  /** What is new in the staging folder, in the order in which OUT gets it. */
  readonly paths: readonly string[];
}

/** Manifest, signed pointer and deploy list for files that are staged already. */
async function stageRelease(
  plan: PublishPlan,
  situation: Situation,
  files: StagedFiles,
  staging: Staging,
): Promise<StagedRelease> {
  const { key, previous } = situation;
  const manifest: Manifest = { ...files.manifest, sequence: nextSequence(plan, previous?.pointer.sequence) };
  const manifestBytes = checkedManifestBytes(manifest);
  const pointer: Pointer = {
    app: manifest.app,
    channel: manifest.channel,
    sequence: manifest.sequence,
    created: manifest.created,
    expires: manifest.created + VALIDITY_SECONDS,
    minimumSequence: previous?.pointer.minimumSequence ?? 0,
    manifestHash: createHash('sha256').update(manifestBytes).digest('hex'),
    manifestBytes: manifestBytes.length,
  };
  const manifestFile = manifestPath(pointer.manifestHash);
  await writeFile(await staging.place(manifestFile), manifestBytes);
  const signature = key.sign(pointerBytesToSign(pointer));
  await writeFile(await staging.place(POINTER_PATH), encodePointer(pointer, [signature]));

  const steps = deploySteps(manifest, manifestFile, files);
  const upload = await Promise.all(
    steps.map(async ({ path, knownBytes, contentType, cacheControl }) => {
      const bytes = knownBytes ?? (await staging.sizeOf(path));
      return { path, bytes, contentType, cacheControl };
    }),
  );
  const list = encodeDeployList({
    format: 1,
    sequence: manifest.sequence,
    upload,
    removable: removableFiles(situation.existing, upload),
  });
  await writeFile(await staging.place(DEPLOY_LIST), list);
  const paths = [
    ...files.newPacks.map(({ id }) => packPath(id)),
    manifestFile,
    ...files.clientScripts,
    ...files.published.map(({ path }) => path),
    WORKER_SCRIPT,
    DEPLOY_LIST,
    POINTER_PATH,
  ];
  return { pointer, manifest, paths };
}

/** The time keeps sequences rising even for a publisher who lost the previous release. */
function nextSequence(plan: PublishPlan, previous: number | undefined): number {
  if (plan.sequence === undefined) return Math.max((previous ?? 0) + 1, plan.now);
  if (previous !== undefined && plan.sequence <= previous) throw sequenceLow(plan.sequence, previous);
  return plan.sequence;
}

function sequenceLow(asked: number, previous: number): PublishError {
  return new PublishError('sequence-low', `sequence ${asked} is not above ${previous}, the last one: leave it out`);
}
