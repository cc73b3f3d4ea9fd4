import { errnoOf, PublishError } from './errors.ts';
import type { PublishPlan } from './options.ts';
import { isUnchanged } from './release-manifest.ts';
import { sequenceLow, signRelease, stageRelease } from './release-writer.ts';
import { type PublishReport, reportOf } from './report.ts';
import { inspect } from './situation.ts';
import { stageFiles } from './staged-files.ts';
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
    const asksForNext = plan.withdraw || (plan.sequence ?? 0) > (previous?.pointer.sequence ?? 0);
    if (previous !== undefined && !asksForNext && (await isUnchanged(previous, files, staging, situation.out))) {
      if (!previous.isInOut) {
        // A host that replaces all its files needs them all again; any other gets what it has.
        const release = await stageRelease(plan, situation, files, staging, previous);
        plan.abort?.throwIfAborted();
        await staging.moveToOut(release.paths);
        return reportOf('unchanged', plan, situation, files, release);
      }
      await staging.discard();
      return reportOf('unchanged', plan, situation, files, previous);
    }
    const release = await stageRelease(plan, situation, files, staging, signRelease(plan, situation, files));
    plan.abort?.throwIfAborted();
    await staging.moveToOut(release.paths);
    return reportOf('published', plan, situation, files, release);
  });
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
