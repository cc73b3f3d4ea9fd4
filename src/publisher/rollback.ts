import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isSha256, type Sha256 } from '../protocol/identifier.ts';
import { FOLDER, manifestPath, WORKER_SCRIPT } from '../protocol/layout.ts';
import { MAX_MANIFEST_BYTES } from '../protocol/limits.ts';
import { decodeManifest, type Manifest } from '../protocol/manifest.ts';
import type { DeployFile } from './deploy-list.ts';
import { earlierList } from './deploy-plan.ts';
import { PublishError } from './errors.ts';
import { listFolder, resolvePath } from './folders.ts';
import { type BuiltScripts, type PublishPlan, type PublishProgress, planOf } from './options.ts';
import { stageClientScripts, stageWorkerScript } from './own-scripts.ts';
import { findPrevious, type PreviousRelease } from './previous-release.ts';
import { withStaging } from './publish.ts';
import { withoutDeltas } from './release-deltas.ts';
import type { ReleasePlace } from './release-place.ts';
import { signRelease, stageRelease } from './release-writer.ts';
import { repack } from './repack.ts';
import { type PublishReport, reportOf } from './report.ts';
import { SigningKeys } from './signing-key.ts';
import type { StagedFiles } from './staged-files.ts';
import type { Staging } from './staging.ts';
import { unpackFiles } from './unpack-files.ts';

export interface RollbackOptions {
  /** Folder that `publish` has filled; or an empty one, with `previous`. */
  readonly out: string;
  /** Sequence of the release whose content comes back, or the hash of its manifest. A web server knows only the hash. */
  readonly to: number | Sha256;
  /** What is deployed: the URL at which users open the app, or a folder. @default the release in `out` */
  readonly previous?: string | undefined;
  /** Ed25519 private key, PKCS#8 in PEM. */
  readonly key: string;
  /** The key is for development: the worker runs on loopback hosts only. @default false */
  readonly development?: boolean | undefined;
  readonly scripts: BuiltScripts;
  /** Browsers and seeds delete what came since, and do not give it to others. @default false */
  readonly withdraw?: boolean | undefined;
  readonly abort?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PublishProgress) => void) | undefined;
}

/**
 * Publishes the content of an earlier release as the next one. It needs that release's manifest and packs: in `out`, or
 * where `previous` leads. Its files are written out of its packs, as they were published then; the worker and the
 * client script are those of today.
 *
 * @throws PublishError with a message of one line; `out` is then as it was.
 */
export async function rollback(options: RollbackOptions): Promise<PublishReport> {
  const { key, to, ...rest } = options;
  const plan = planOf({ ...rest, key, source: options.out }, Math.floor(Date.now() / 1000));
  const keys = SigningKeys.parse(key);
  const out = await resolvePath(plan.out);
  const wanted = { publicKeys: keys.publicKeys, app: undefined, channel: plan.channel };
  const previous = await findPrevious(plan, out, wanted);
  if (previous === undefined) {
    throw new PublishError('out-foreign', `${plan.out} holds no release: name the folder of it, or use --previous`);
  }
  const target = withoutDeltas(await findRelease(previous, to));
  const existing = await listFolder(out);
  return await withStaging(out, async (staging) => {
    const files = await stageEarlier(plan, keys, previous, target, staging);
    const situation = { keys, previous, existing, carried: await carriedFiles(previous) };
    const release = await stageRelease(plan, situation, files, staging, signRelease(plan, situation, files));
    plan.abort?.throwIfAborted();
    await staging.moveToOut(release.paths);
    return reportOf('published', plan, situation, files, release);
  });
}

async function findRelease(previous: PreviousRelease, to: number | Sha256): Promise<Manifest> {
  const { place, pointer } = previous;
  if (to === pointer.sequence || to === pointer.manifestHash) {
    throw new PublishError('option-invalid', `release ${to} is the newest one: name an earlier one with --to`);
  }
  if (typeof to === 'string') {
    const found = await readManifest(place, previous, to);
    if (found !== undefined) return found;
    throw new PublishError(
      'rollback-unknown',
      `${place.name} has no ${manifestPath(to)} of this app: is it the hash of its manifest, and not yet deleted there?`,
    );
  }
  if (!place.isLocal) {
    const where = `the name of tabseed/manifest-….bin in the deploy.json of release ${to}`;
    throw new PublishError('option-invalid', `a web server does not list its releases: give --to the hash in ${where}`);
  }
  const known: number[] = [];
  for (const name of await readdir(join(place.name, FOLDER))) {
    const [, hash = ''] = /^manifest-([0-9a-f]{64})\.bin$/.exec(name) ?? [];
    const manifest = isSha256(hash) ? await readManifest(place, previous, hash) : undefined;
    if (manifest?.sequence === to) return manifest;
    if (manifest && manifest.sequence !== pointer.sequence) known.push(manifest.sequence);
  }
  const others = known.length === 0 ? 'no earlier one' : known.sort((a, b) => a - b).join(', ');
  const message = `release ${to} is not in ${place.name}, which has ${others}: name a copy of it with --previous`;
  throw new PublishError('rollback-unknown', `${message}, or publish the old build again`);
}

/** `undefined` unless it is there, of its name, and of the same app. */
async function readManifest(
  place: ReleasePlace,
  { pointer }: PreviousRelease,
  hash: Sha256,
): Promise<Manifest | undefined> {
  const bytes = await place.read(manifestPath(hash), MAX_MANIFEST_BYTES);
  if (bytes === undefined || createHash('sha256').update(bytes).digest('hex') !== hash) return undefined;
  const manifest = decodeManifest(bytes);
  return manifest.app === pointer.app && manifest.channel === pointer.channel ? manifest : undefined;
}

async function stageEarlier(
  plan: PublishPlan,
  { publicKeys }: SigningKeys,
  previous: PreviousRelease,
  target: Manifest,
  staging: Staging,
): Promise<StagedFiles> {
  const { app, channel } = target;
  const clientScripts = await stageClientScripts(plan.scripts, staging);
  const config = { app, channel, keys: publicKeys, development: plan.development };
  await stageWorkerScript(plan.scripts, config, staging);
  const warnings = await unpackFiles(target, previous.place, staging, plan);
  const published = target.files.map(({ path, plainBytes, mediaType, headerSet }) => ({
    path,
    storedBytes: plainBytes,
    mediaType,
    cacheControl: target.headerSets[headerSet]?.find(([name]) => name === 'cache-control')?.[1],
    release: undefined,
  }));
  const old = { ...target, created: plan.created };
  const content = plan.withdraw ? await repack(old, staging) : { manifest: old, newPacks: [] };
  return { clientScripts, published, ...content, copiedPacks: [], manifestPatches: [], warnings };
}

/** Files that `publish` uploaded and that are in no release: excluded ones, the app's own worker. */
async function carriedFiles({ place, manifest }: PreviousRelease): Promise<DeployFile[]> {
  const ofRelease = new Set(manifest.files.map(({ path }) => path));
  const list = await earlierList(place);
  return (list?.upload ?? []).filter(
    ({ path }) => !ofRelease.has(path) && path !== WORKER_SCRIPT && !path.startsWith(`${FOLDER}/`),
  );
}
