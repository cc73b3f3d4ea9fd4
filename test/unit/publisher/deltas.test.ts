import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chunksByDelta, type NamedManifest, patchedManifest } from '../../../src/core/delta.ts';
import { missingChunks } from '../../../src/protocol/delta.ts';
import { deltaSource, isDeltaPath, manifestPatchPath, manifestPath } from '../../../src/protocol/layout.ts';
import { decodeManifest, encodeManifest, type Manifest, type PackedChunk } from '../../../src/protocol/manifest.ts';
import type { Pointer } from '../../../src/protocol/pointer.ts';
import { FolderPlace } from '../../../src/publisher/folder-place.ts';
import { verify } from '../../../src/publisher/index.ts';
import { PackedContent } from '../../../src/publisher/packed-content.ts';
import { rollback } from '../../../src/publisher/rollback.ts';
import type { DamageError } from '../../../src/publisher/verify-errors.ts';
import { verifyPatches } from '../../../src/publisher/verify-patches.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { syncDigest } from '../../fakes/sync-digest.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { readRelease } from './release-reader.ts';
import { sha256, snapshot, Workspace } from './workspace.ts';

/** A day on which these tests do not yet run: 2096. */
const CREATED = 4_000_000_000;

/** Some 60 KB of script that does not compress to nothing. */
function script(seed: number, label: string): string {
  const random = new SeededRandom(seed);
  const lines = Array.from(
    { length: 1500 },
    () =>
      `const v${Buffer.from(random.bytes(4)).toString('hex')} = '${Buffer.from(random.bytes(8)).toString('base64')}';`,
  );
  return [`import './${label}.js';`, ...lines, `console.log('${label}');`].join('\n');
}

async function named(workspace: Workspace): Promise<NamedManifest> {
  const { pointer, manifest } = await readRelease(workspace.out, workspace.key.publicKey);
  return { hash: pointer.manifestHash, manifest };
}

/** What a client that holds all of `held` makes of the delta in OUT, and which chunks of the delta it took. */
async function update(
  workspace: Workspace,
  held: NamedManifest,
  next: Manifest,
  read?: (chunk: PackedChunk) => Uint8Array | undefined,
) {
  const place = [new FolderPlace(workspace.out)];
  const content = { held: new PackedContent(held.manifest, place), next: new PackedContent(next, place) };
  const missing = missingChunks(held.manifest, next);
  const made = new Map<string, Uint8Array>();
  const fetched: PackedChunk[] = [];
  const ports = {
    digest: syncDigest(),
    fetch: async (chunks: readonly PackedChunk[]) => {
      fetched.push(...chunks);
      return (await content.next.read(chunks)) ?? [];
    },
    read: async (chunks: readonly PackedChunk[]) =>
      read === undefined ? ((await content.held.read(chunks)) ?? []) : chunks.map((chunk) => read(chunk)),
    pause: () => Promise.resolve(),
  };
  for await (const { id, plain } of chunksByDelta(ports, held, next, new Set(missing.map(({ id }) => id)))) {
    expect(sha256(plain)).toBe(id);
    made.set(id, plain);
  }
  return { missing, made, fetched };
}

interface Given {
  readonly seed?: number;
  readonly key?: string;
}

async function twoReleases({ seed = testSeed(), key }: Given = {}): Promise<{
  workspace: Workspace;
  held: NamedManifest;
  seed: number;
}> {
  const workspace = await Workspace.create({ 'a-11111111.js': script(seed, 'one'), 'b.js': script(seed + 1, 'b') });
  const options = key === undefined ? {} : { key };
  await workspace.publish({ ...options, sequence: 10, created: CREATED });
  const held = key === undefined ? await named(workspace) : { hash: '', manifest: {} as Manifest };
  await rm(join(workspace.source, 'a-11111111.js'));
  await workspace.write({ 'a-22222222.js': script(seed, 'two'), 'b.js': script(seed + 1, 'c') });
  await workspace.publish({ ...options, sequence: 11, created: CREATED });
  return { workspace, held, seed };
}

describe('a release that follows another', () => {
  it('has a delta that makes all that is missing, out of files of the same path and of the same name but for its hash', async () => {
    const { workspace, held } = await twoReleases();
    const { manifest } = await named(workspace);
    const { missing, made, fetched } = await update(workspace, held, manifest);
    expect(missing.length).toBeGreaterThan(1);
    expect([...made.keys()].sort()).toEqual(missing.map(({ id }) => id).sort());
    const deltaBytes = fetched.reduce((sum, { encodedBytes }) => sum + encodedBytes, 0);
    expect(deltaBytes).toBeLessThan(300);
    expect(await verify({ out: workspace.out })).toMatchObject({ damage: [] });
  });

  it('has a patch that makes its manifest of the other', async () => {
    const { workspace, held } = await twoReleases();
    // Enough files that a patch is worth it.
    const files = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`f${index}.txt`, `file ${index}`]));
    await workspace.write(files);
    await workspace.publish({ sequence: 12 });
    const before = await named(workspace);
    await workspace.write({ 'f1.txt': 'another' });
    await workspace.publish({ sequence: 13 });
    const { hash, manifest } = await named(workspace);
    const patch = await readFile(join(workspace.out, manifestPatchPath(hash, before.hash)));
    const whole = await readFile(join(workspace.out, manifestPath(hash)));
    expect(patch.length).toBeLessThan(whole.length / 4);
    const old = encodeManifest(before.manifest);
    const made = await patchedManifest(old, patch, whole.length, () => Promise.resolve());
    expect(decodeManifest(made ?? new Uint8Array())).toEqual(manifest);
    expect(held.manifest.sequence).toBe(10);
    expect(await verify({ out: workspace.out })).toMatchObject({ damage: [] });
    const path = manifestPatchPath(hash, before.hash);
    patch[20] = (patch[20] ?? 0) ^ 1;
    await writeFile(join(workspace.out, path), patch);
    expect(await verify({ out: workspace.out })).toMatchObject({ damage: [{ code: 'patch-wrong', path }] });
  });

  it('is found to be wrong when a delta of it makes other chunks than it should', async () => {
    const { workspace, held } = await twoReleases();
    const { manifest } = await named(workspace);
    const out = workspace.out;
    const checked = async (patched: Manifest) => {
      const damage: string[] = [];
      const pointer = { manifestHash: '', manifestBytes: 0 } as Pointer;
      await verifyPatches(out, pointer, patched, async (check) => {
        await check().catch((error: unknown) => damage.push((error as DamageError).code));
      });
      return damage;
    };
    expect(await checked(manifest)).toEqual([]);
    const missing = new Set(missingChunks(held.manifest, manifest).map(({ id }) => id));
    const renamed = manifest.packs.map((pack) => ({
      ...pack,
      chunks: pack.chunks.map((chunk) => (missing.has(chunk.id) ? { ...chunk, id: sha256(chunk.id) } : chunk)),
    }));
    expect(await checked({ ...manifest, packs: renamed })).toEqual(['patch-wrong']);
  });

  it('has the same bytes when it is made again', async () => {
    const { workspace, seed } = await twoReleases();
    const again = await twoReleases({ seed, key: workspace.key.pem });
    expect(await snapshot(again.workspace.out)).toEqual(await snapshot(workspace.out));
  });

  it('can be reached from the last two releases, and from no earlier one', async () => {
    const { workspace, held, seed } = await twoReleases();
    const second = await named(workspace);
    await workspace.write({ 'b.js': script(seed + 1, 'd') });
    await workspace.publish({ sequence: 12 });
    const third = await named(workspace);
    expect(sourcesOf(third.manifest)).toEqual([held.hash, second.hash].sort());
    for (const from of [held, second]) {
      const { missing, made } = await update(workspace, from, third.manifest);
      expect(made.size).toBe(missing.length);
    }
    await workspace.write({ 'b.js': script(seed + 1, 'e') });
    await workspace.publish({ sequence: 13 });
    const fourth = await named(workspace);
    expect(sourcesOf(fourth.manifest)).toEqual([third.hash, second.hash].sort());
    // What was made for updates to the third release is not carried along.
    const used = new Set(fourth.manifest.files.flatMap(({ runs }) => runs.map(({ pack }) => pack)));
    expect(used.size).toBe(fourth.manifest.packs.length);
    expect(await workspace.publish()).toMatchObject({ outcome: 'unchanged', sequence: 13 });
  });

  it('has no delta when it is an earlier one that comes back, and its deltas are no part of that', async () => {
    const { workspace, held } = await twoReleases();
    const second = await named(workspace);
    await workspace.write({ 'b.js': 'other' });
    await workspace.publish({ sequence: 12 });
    await rollback({ out: workspace.out, to: 11, key: workspace.key.pem, scripts: workspace.scripts });
    const { manifest } = await named(workspace);
    expect(manifest.files).toEqual(second.manifest.files.filter(({ path }) => !isDeltaPath(path)));
    expect(sourcesOf(manifest)).toEqual([]);
    expect(await verify({ out: workspace.out })).toMatchObject({ damage: [] });
    expect(held.manifest.sequence).toBe(10);
  });

  it('has no delta for what is quite different, or too small to be worth it', async () => {
    const random = new SeededRandom(testSeed());
    const workspace = await Workspace.create({ 'a.bin': random.bytes(100_000), 'b.txt': 'one' });
    await workspace.publish();
    await workspace.write({ 'a.bin': random.bytes(100_000), 'b.txt': 'two' });
    await workspace.publish();
    expect(sourcesOf((await named(workspace)).manifest)).toEqual([]);
    expect((await readdir(join(workspace.out, 'tabseed'))).filter((name) => name.includes('delta'))).toEqual([]);
  });
});

describe('a client with a delta', () => {
  it('makes nothing of a store that lost a chunk, and fetches none of its patches', async () => {
    const { workspace, held } = await twoReleases();
    const { manifest } = await named(workspace);
    const { made, fetched } = await update(workspace, held, manifest, () => undefined);
    expect(made.size).toBe(0);
    // The index lies in the first chunk.
    expect(fetched).toHaveLength(1);
  });

  it('makes nothing of content that is not what the patch was made for', async () => {
    const { workspace, held } = await twoReleases();
    const { manifest } = await named(workspace);
    const { made } = await update(workspace, held, manifest, ({ plainBytes }) => new Uint8Array(plainBytes).fill(0x20));
    expect(made.size).toBe(0);
  });

  it('makes nothing without a delta from its release', async () => {
    const { workspace, held } = await twoReleases();
    const { manifest } = await named(workspace);
    const { made, fetched } = await update(workspace, { ...held, hash: 'f'.repeat(64) }, manifest);
    expect([made.size, fetched.length]).toEqual([0, 0]);
  });
});

function sourcesOf(manifest: Manifest): string[] {
  return manifest.files.flatMap(({ path }) => deltaSource(path) ?? []).sort();
}
