import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { Sha256 } from '../protocol/identifier.ts';
import { deltaPath, isDeltaPath, manifestPatchPath } from '../protocol/layout.ts';
import type { HeaderSet, Manifest, ReleaseFile } from '../protocol/manifest.ts';
import { ContentBuilder } from './content-builder.ts';
import { makeDelta } from './delta-maker.ts';
import { IMMUTABLE } from './deploy-plan.ts';
import type { EarlierRelease } from './earlier-releases.ts';
import type { PublishedFile } from './file-publisher.ts';
import { FolderPlace } from './folder-place.ts';
import { encodeLzma } from './lzma-encoder.ts';
import type { PublishPlan } from './options.ts';
import { PackedContent } from './packed-content.ts';
import type { PreviousRelease } from './previous-release.ts';
import type { ReleasePlace } from './release-place.ts';
import type { SignedRelease } from './release-writer.ts';
import type { StagedFiles } from './staged-files.ts';
import type { Staging } from './staging.ts';

const BINARY = 'application/octet-stream';
/** Above it, a manifest's patch would take the publisher minutes. */
const MAX_PATCHED_MANIFEST_BYTES = 4 * 1024 * 1024;
/** A patch must save this share of a manifest, or it is not worth a file. */
const MINIMUM_SAVING = 0.2;

/** A release without what was made for those who update to it. */
export function withoutDeltas(manifest: Manifest): Manifest {
  const files = manifest.files.filter(({ path }) => !isDeltaPath(path));
  if (files.length === manifest.files.length) return manifest;
  const used = new Set(files.flatMap(({ runs }) => runs.map(({ pack }) => pack)));
  const kept = [...manifest.packs.keys()].filter((pack) => used.has(pack));
  const index = new Map(kept.map((pack, position) => [pack, position]));
  return {
    ...manifest,
    packs: manifest.packs.filter((_, pack) => used.has(pack)),
    headerSets: usedHeaderSets(manifest.headerSets, files),
    files: files.map((file) => ({
      ...file,
      runs: file.runs.map((run) => ({ ...run, pack: index.get(run.pack) ?? 0 })),
    })),
  };
}

/** Adds a delta from each of the earlier releases, as files of the release in packs of their own. */
export async function stageDeltas(
  plan: PublishPlan,
  earlier: readonly EarlierRelease[],
  place: ReleasePlace,
  files: StagedFiles,
  staging: Staging,
): Promise<StagedFiles> {
  const { manifest } = files;
  const places = [new FolderPlace(staging.root), place];
  const next = { manifest, content: new PackedContent(manifest, places) };
  const builder = new ContentBuilder(staging.root, manifest.chunking, []);
  const emptySet = manifest.headerSets.findIndex((headers) => headers.length === 0);
  const headerSet = emptySet === -1 ? manifest.headerSets.length : emptySet;
  const staged: PublishedFile[] = [];
  try {
    for (const { hash, manifest: held } of earlier) {
      const delta = await makeDelta({ manifest: held, content: new PackedContent(held, places) }, next, {
        abort: plan.abort,
        onPatch: (doneBytes, totalBytes) =>
          plan.onProgress({ path: `delta from ${held.sequence}`, doneBytes, totalBytes }),
      });
      if (delta === undefined) continue;
      const path = deltaPath(hash, sha256(delta));
      await writeFile(await staging.place(path), delta);
      const content = await builder.addFile(once(delta));
      const release = { content, headerSet };
      staged.push({ path, storedBytes: delta.length, mediaType: BINARY, cacheControl: IMMUTABLE, release });
    }
    if (staged.length === 0) return files;
    const finished = await builder.finish(staged.flatMap(({ release }) => release?.content ?? []));
    const added = staged.map(({ path, storedBytes, mediaType, release }): ReleaseFile => {
      const { content } = release as NonNullable<PublishedFile['release']>;
      const runs = finished.runsOf(content).map((run) => ({ ...run, pack: run.pack + manifest.packs.length }));
      return { path, plainBytes: storedBytes, hash: content.hash, mediaType, headerSet, runs };
    });
    return {
      ...files,
      published: [...files.published, ...staged],
      newPacks: [...files.newPacks, ...finished.newPacks],
      manifest: {
        ...manifest,
        packs: [...manifest.packs, ...finished.newPacks],
        headerSets: emptySet === -1 ? [...manifest.headerSets, []] : manifest.headerSets,
        files: [...manifest.files, ...added].sort((a, b) => (a.path < b.path ? -1 : 1)),
      },
    };
  } finally {
    await builder.close();
  }
}

/** For a release that is published again: its deltas as they are deployed. One that is lost there is in its packs. */
export async function stageKeptDeltas(
  { manifest, place }: PreviousRelease,
  files: StagedFiles,
  staging: Staging,
): Promise<StagedFiles> {
  const staged: PublishedFile[] = [];
  for (const { path, plainBytes, hash, mediaType } of manifest.files) {
    const delta = isDeltaPath(path) ? await place.read(path, plainBytes) : undefined;
    if (delta === undefined || sha256(delta) !== hash) continue;
    await writeFile(await staging.place(path), delta);
    staged.push({ path, storedBytes: plainBytes, mediaType, cacheControl: IMMUTABLE, release: undefined });
  }
  return { ...files, published: [...files.published, ...staged] };
}

/** Writes what turns each earlier manifest into this one; resolves with the paths. */
export async function stageManifestPatches(
  earlier: readonly EarlierRelease[],
  { pointer, manifestBytes }: Pick<SignedRelease, 'pointer' | 'manifestBytes'>,
  staging: Staging,
): Promise<string[]> {
  const paths: string[] = [];
  for (const { hash, manifestBytes: held } of earlier) {
    if (Math.max(held.length, manifestBytes.length) > MAX_PATCHED_MANIFEST_BYTES) continue;
    const patch = encodeLzma(Buffer.concat([held, manifestBytes]), held.length);
    if (patch.length > manifestBytes.length * (1 - MINIMUM_SAVING)) continue;
    const path = manifestPatchPath(pointer.manifestHash, hash);
    await writeFile(await staging.place(path), patch);
    paths.push(path);
  }
  return paths;
}

/** The last one may be there for deltas alone; in the middle, one that nobody uses is no harm. */
function usedHeaderSets(headerSets: readonly HeaderSet[], files: readonly ReleaseFile[]): readonly HeaderSet[] {
  const last = files.reduce((highest, { headerSet }) => Math.max(highest, headerSet), -1);
  return headerSets.slice(0, last + 1);
}

function sha256(bytes: Uint8Array): Sha256 {
  return createHash('sha256').update(bytes).digest('hex');
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
