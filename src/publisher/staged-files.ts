import type { Manifest, Pack, ReleaseFile } from '../protocol/manifest.ts';
import { decodeSettings } from '../protocol/settings.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';
import { DEFAULT_CHUNKING } from './chunker.ts';
import { ContentBuilder, type ReleaseContent } from './content-builder.ts';
import { earlierPacks } from './earlier-packs.ts';
import { FilePublisher, type PublishedFile } from './file-publisher.ts';
import type { PublishPlan } from './options.ts';
import { configLine, isBootScript, stageClientScripts, stageWorkerScript } from './own-scripts.ts';
import { nameWarnings } from './release-sources.ts';
import type { Situation } from './situation.ts';
import type { Staging } from './staging.ts';

/** Everything of a release but its manifest, pointer and deploy list. */
export interface StagedFiles {
  /** Paths of the client scripts. */
  readonly clientScripts: readonly string[];
  /** Every file of SRC, in order. */
  readonly published: readonly PublishedFile[];
  readonly newPacks: readonly Pack[];
  /** Packs of the previous release that were copied, named by this one or not. */
  readonly copiedPacks: readonly Pack[];
  /** Paths of what turns earlier manifests into this one. */
  readonly manifestPatches: readonly string[];
  /** What the files say; its sequence is still to be set. */
  readonly manifest: Manifest;
  readonly warnings: readonly string[];
}

/** Fills the staging folder from SRC and the built scripts. @throws PublishError */
export async function stageFiles(plan: PublishPlan, situation: Situation, staging: Staging): Promise<StagedFiles> {
  const { app, keys, previous, sources } = situation;
  const { channel, development } = plan;
  const clientScripts = await stageClientScripts(plan.scripts, staging);
  const config: WorkerConfig = { app, channel, keys: keys.publicKeys, development };
  await stageWorkerScript(plan.scripts, config, staging);

  const chunking = previous?.manifest.chunking ?? DEFAULT_CHUNKING;
  const warnings = nameWarnings(sources);
  const copiesPacks = plan.complete && previous?.isInOut === false;
  // A pack goes to whoever is given its release, whole: one of a withdrawn release may have in it what is to be deleted.
  const isFresh = previous === undefined || plan.withdraw;
  const earlier = isFresh ? [] : await earlierPacks(previous, copiesPacks ? staging : undefined);
  const builder = new ContentBuilder(staging.root, chunking, earlier);
  const publisher = new FilePublisher(
    {
      inject: plan.inject,
      scope: plan.scope,
      worker: plan.worker === undefined ? undefined : { path: plan.worker, firstLine: configLine(config) },
      boot: plan.boot ? clientScripts.find(isBootScript) : undefined,
      rules: situation.rules,
      signal: ownServer(plan),
      abort: plan.abort,
      onRead: progressOf(plan, situation),
      onWarning: (warning) => warnings.push(warning),
    },
    staging,
    builder,
    sources,
  );
  try {
    const published: PublishedFile[] = [];
    for (const source of sources) published.push(await publisher.publish(source));
    const content = await builder.finish(published.flatMap(({ release }) => release?.content ?? []));
    const manifest: Manifest = {
      app,
      channel,
      sequence: 0,
      version: plan.version,
      created: plan.created,
      settings: plan.settings,
      chunking,
      packs: content.packs,
      headerSets: publisher.headerSets.all(),
      files: published.flatMap((file) => releaseFileOf(file, content) ?? []),
    };
    const { newPacks } = content;
    return {
      clientScripts,
      published,
      newPacks,
      copiedPacks: copiesPacks ? earlier : [],
      manifestPatches: [],
      manifest,
      warnings,
    };
  } finally {
    await builder.close();
  }
}

function releaseFileOf(file: PublishedFile, content: ReleaseContent): ReleaseFile | undefined {
  if (file.release === undefined) return undefined;
  const { plainBytes, hash } = file.release.content;
  return {
    path: file.path,
    plainBytes,
    hash,
    mediaType: file.mediaType,
    headerSet: file.release.headerSet,
    runs: content.runsOf(file.release.content),
  };
}

function progressOf(plan: PublishPlan, { sources }: Situation): (path: string, bytes: number) => void {
  const totalBytes = sources.reduce((sum, { bytes }) => sum + bytes, 0);
  let doneBytes = 0;
  return (path, bytes) => {
    doneBytes += bytes;
    plan.onProgress({ path, doneBytes, totalBytes });
  };
}

/** The signaling server that pages connect to, unless it is relative to them or there are no peers. */
function ownServer({ settings }: PublishPlan): URL | undefined {
  const { mode, signal } = decodeSettings(settings);
  return mode !== 'off' && URL.canParse(signal) ? new URL(signal) : undefined;
}
