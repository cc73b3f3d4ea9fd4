/**
 * Turns a folder with a built web app into a signed release.
 *
 * @packageDocumentation
 */
import { type PublishOptions, planOf } from './options.ts';
import { publishRelease } from './publish.ts';
import type { PublishReport } from './report.ts';

export { PublishError, type PublishErrorCode } from './errors.ts';
export type { BuiltScripts, PublishOptions, PublishProgress } from './options.ts';
export { type RefreshOptions, type RefreshReport, refresh } from './refresh.ts';
export type { PublishReport } from './report.ts';
export { type RetireOptions, type RetireReport, retire } from './retire.ts';
export { type RollbackOptions, rollback } from './rollback.ts';
export { type GeneratedKey, generateKey, publicKeyOf } from './signing-key.ts';
export {
  type Damage,
  type VerifyOptions,
  type VerifyProgress,
  type VerifyReport,
  verify,
} from './verify.ts';
export type { DamageCode } from './verify-errors.ts';

/**
 * Publishes the files of one folder as the next release of another. The same input with the same `sequence` and
 * `created` gives the same bytes.
 *
 * @throws PublishError with a message of one line; `out` is then as it was.
 */
export async function publish(options: PublishOptions): Promise<PublishReport> {
  return await publishRelease(planOf(options, Math.floor(Date.now() / 1000)));
}
