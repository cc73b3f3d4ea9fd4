import { decodePointer } from '../protocol/pointer.ts';
import { earlierReleases } from './earlier-releases.ts';
import { errnoOf, PublishError } from './errors.ts';
import type { PublishPlan } from './options.ts';
import { stageDeltas, stageKeptDeltas, stageManifestPatches } from './release-deltas.ts';
import { isUnchanged } from './release-manifest.ts';
import { type SignedRelease, sequenceLow, signRelease, stageRelease } from './release-writer.ts';
import { type PublishReport, reportOf } from './report.ts';
import { isSignedBy } from './signing-key.ts';
import { inspect, type Situation } from './situation.ts';
import { type StagedFiles, stageFiles } from './staged-files.ts';
import { Staging } from './staging.ts';

/** Publishes one release into `plan.out`; on an error OUT is as it was. @throws PublishError */
export async function publishRelease(plan: PublishPlan): Promise<PublishReport> {
  const situation = await inspect(plan);
  return await withStaging(situation.out, async (staging) => {
    const files = await stageFiles(plan, situation, staging);
    const { previous } = situation;
    if (previous !== undefined && plan.sequence !== undefined && plan.sequence < previous.pointer.sequence) {
      throw sequenceLow(plan.sequence, previous.pointer.sequence);
    }
    const asksForNext =
      plan.withdraw || hasNewKey(situation) || (plan.sequence ?? 0) > (previous?.pointer.sequence ?? 0);
    if (previous !== undefined && !asksForNext && (await isUnchanged(previous, files, staging, situation.out))) {
      if (!previous.isInOut) {
        // A host that replaces all its files needs them all again; any other gets what it has.
        const withDeltas = await stageKeptDeltas(previous, files, staging);
        const release = await stageRelease(plan, situation, withDeltas, staging, previous);
        plan.abort?.throwIfAborted();
        await staging.moveToOut(release.paths);
        return reportOf('unchanged', plan, situation, files, release);
      }
      await staging.discard();
      return reportOf('unchanged', plan, situation, files, previous);
    }
    const { complete, signed } = await completeRelease(plan, situation, files, staging);
    const release = await stageRelease(plan, situation, complete, staging, signed);
    plan.abort?.throwIfAborted();
    await staging.moveToOut(release.paths);
    return reportOf('published', plan, situation, complete, release);
  });
}

/** A browser that lacks the key of before is to trust the pointer, too. */
function hasNewKey({ keys, previous }: Situation): boolean {
  if (previous === undefined) return false;
  const signed = decodePointer(previous.pointerBytes);
  return keys.publicKeys.some((publicKey) => !isSignedBy(signed, publicKey));
}

/** Adds the ways from earlier releases, and signs. */
async function completeRelease(
  plan: PublishPlan,
  situation: Situation,
  files: StagedFiles,
  staging: Staging,
): Promise<{ complete: StagedFiles; signed: SignedRelease }> {
  const { previous } = situation;
  const earlier = await earlierReleases(previous);
  const withDeltas = previous ? await stageDeltas(plan, earlier, previous.place, files, staging) : files;
  const signed = signRelease(plan, situation, withDeltas);
  const manifestPatches = await stageManifestPatches(earlier, signed, staging);
  return { complete: { ...withDeltas, manifestPatches }, signed };
}

/** Puts a release together beside OUT; on an error OUT is as it was. @throws PublishError */
export async function withStaging<T>(out: string, work: (staging: Staging) => Promise<T>): Promise<T> {
  const staging = await Staging.create(out);
  try {
    return await work(staging);
  } catch (error) {
    await staging.discard();
    if (error instanceof PublishError || errnoOf(error)?.startsWith('E') !== true) throw error;
    throw new PublishError('out-unwritable', `the release cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
