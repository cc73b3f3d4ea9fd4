import { createHash } from 'node:crypto';
import type { Sha256 } from '../protocol/identifier.ts';
import { decodeSettings } from '../protocol/settings.ts';
import { PublishError } from './errors.ts';
import { listFolder, resolveOut } from './folders.ts';
import { type HeaderRules, loadHeaderRules } from './headers-file.ts';
import type { PublishPlan } from './options.ts';
import { findPrevious, type PreviousRelease } from './previous-release.ts';
import { chooseSources, type ReleaseSource } from './release-sources.ts';
import { SigningKeys } from './signing-key.ts';
import { listSource } from './source-tree.ts';

/** Hex characters of a derived app id: 128 bits. */
const APP_ID_CHARACTERS = 32;

/** What a publish finds before it writes anything. */
export interface Situation {
  readonly keys: SigningKeys;
  /** The real path of OUT. */
  readonly out: string;
  readonly app: string;
  readonly sources: readonly ReleaseSource[];
  readonly rules: HeaderRules;
  readonly previous: PreviousRelease | undefined;
  /** Paths of all files in OUT. */
  readonly existing: readonly string[];
}

/** @throws PublishError for everything that can be known in advance. */
export async function inspect(plan: PublishPlan): Promise<Situation> {
  const keys = SigningKeys.parse(plan.key);
  const files = await listSource(plan.source);
  const out = await resolveOut(plan.source, plan.out);
  const sources = chooseSources(files, plan.exclude, plan.worker);
  const [fallback] = decodeSettings(plan.settings).fallback ?? [];
  if (fallback !== undefined && !sources.some(({ path, inRelease }) => inRelease && path === fallback)) {
    throw new PublishError(
      'option-invalid',
      `fallback "${fallback}" is no file of the app: name it as it lies in <src>`,
    );
  }
  const rules = await loadHeaderRules(plan.headersFile, sources);
  const { publicKeys } = keys;
  const previous = await findPrevious(plan, out, { publicKeys, app: plan.app, channel: plan.channel });
  const app = plan.app ?? previous?.pointer.app ?? appIdOf(publicKeys[0], plan.scope ?? '/');
  return { keys, out, app, sources, rules, previous, existing: await listFolder(out) };
}

/** Two apps on one origin differ in their scope, two publishers in their key. */
function appIdOf(publicKey: Sha256, scope: string): string {
  return createHash('sha256').update(`tabseed app\n${publicKey}\n${scope}`).digest('hex').slice(0, APP_ID_CHARACTERS);
}
