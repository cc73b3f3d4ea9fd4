import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { POINTER_PATH } from '../../../src/protocol/layout.ts';
import { chunksOfFile } from '../../../src/protocol/manifest.ts';
import { decodePointer } from '../../../src/protocol/pointer.ts';
import { generateKey, type RollbackOptions, rollback, verify } from '../../../src/publisher/index.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { readDeployJson, StaticHost } from '../../stage/static-host.ts';
import { readFromPacks, readRelease } from './release-reader.ts';
import { Workspace } from './workspace.ts';

const PAGE = '<!doctype html><head><title>old</title></head>';

interface Published {
  readonly workspace: Workspace;
  readonly noise: Uint8Array;
  readonly oldPage: string;
  readonly back: (options?: Partial<RollbackOptions>) => ReturnType<typeof rollback>;
}

/** Release 10, and release 11, which is bad; both in OUT. */
async function published(): Promise<Published> {
  const noise = new SeededRandom(testSeed()).bytes(600_000);
  const workspace = await Workspace.create({
    'index.html': PAGE,
    'gone.js': 'gone',
    'empty.txt': '',
    'deep/noise.bin': noise,
    'video.mp4': 'excluded',
    _headers: '/index.html\n  Cache-Control: no-store\n  X-Release: old\n',
  });
  await workspace.publish({ sequence: 10, exclude: ['*.mp4'] });
  const oldPage = await workspace.text('index.html');
  await rm(join(workspace.source, 'gone.js'));
  await workspace.write({ 'index.html': PAGE.replace('old', 'bad'), 'bad.js': 'bad' });
  await workspace.write({ 'deep/noise.bin': noise.map((byte, index) => (index < 9 ? byte ^ 1 : byte)) });
  await workspace.publish({ sequence: 11, exclude: ['*.mp4'] });
  const back = (options: Partial<RollbackOptions> = {}) =>
    rollback({ out: workspace.out, to: 10, key: workspace.key.pem, scripts: workspace.scripts, ...options });
  return { workspace, noise, oldPage, back };
}

describe('a rollback', () => {
  it('publishes the old content as the next release, with its files as they were and no pack anew', async () => {
    const { workspace, noise, oldPage, back } = await published();
    const before = Math.floor(Date.now() / 1000);
    const report = await back();
    expect(report).toMatchObject({ outcome: 'published', previousSequence: 11, newPacks: 0, keptPacks: 0 });
    expect(report.sequence).toBeGreaterThanOrEqual(before);
    expect(await workspace.text('index.html')).toBe(oldPage);
    expect(await workspace.text('gone.js')).toBe('gone');
    expect(await workspace.text('empty.txt')).toBe('');
    expect(Buffer.compare(noise, await readFile(join(workspace.out, 'deep/noise.bin')))).toBe(0);
    const { manifest, pointer } = await readRelease(workspace.out, workspace.key.publicKey);
    expect(pointer.minimumSequence).toBe(0);
    expect(manifest.files.map(({ path }) => path)).not.toContain('bad.js');
    expect(manifest.headerSets.flat()).toContainEqual(['x-release', 'old']);
    expect(await verify({ out: workspace.out })).toMatchObject({ damage: [], elsewhere: [] });
  });

  it('lists what only the bad release had as what may go, and leaves alone what is in no release', async () => {
    const { workspace, back } = await published();
    await back();
    const { upload, remove, keep } = await readDeployJson(workspace.out);
    const paths = upload.map(({ path }) => path);
    expect(paths).toContain('video.mp4');
    expect(upload.map(({ step }) => step)).toEqual(upload.map(({ step }) => step).sort());
    expect(paths.at(-1)).toBe(POINTER_PATH);
    expect(upload.find(({ path }) => path === 'index.html')?.cacheControl).toBe('no-store');
    expect(remove.map(({ path }) => path)).toContain('bad.js');
    expect(remove.map(({ path }) => path)).not.toContain('video.mp4');
    expect(keep).toEqual([]);
    expect(await workspace.text('video.mp4')).toBe('excluded');
  });

  it('withdraws all that came before it when asked to, and what follows keeps that floor', async () => {
    const { workspace, back } = await published();
    const { sequence } = await back({ withdraw: true });
    const floorOf = async () =>
      decodePointer(await readFile(join(workspace.out, POINTER_PATH))).pointer.minimumSequence;
    expect(await floorOf()).toBe(sequence);
    await workspace.publish({ exclude: ['*.mp4'], sequence: sequence + 5 });
    expect(await floorOf()).toBe(sequence);
    await workspace.publish({ exclude: ['*.mp4'], withdraw: true });
    expect(await floorOf()).toBeGreaterThan(sequence);
  });

  it('that withdraws names nothing that only withdrawn releases have, be it in a pack of the old one', async () => {
    const { workspace, noise, back } = await published();
    // Release 12 uses a part of a pack that 10 has filled.
    await workspace.write({ 'deep/noise.bin': noise.slice(0, 300_000), 'index.html': PAGE });
    await workspace.publish({ sequence: 12 });
    await workspace.write({ 'index.html': 'bad' });
    await workspace.publish({ sequence: 13 });
    const report = await back({ to: 12, withdraw: true });
    expect(report).toMatchObject({ packs: 1, newPacks: 1 });
    const { manifest } = await readRelease(workspace.out, workspace.key.publicKey);
    const used = manifest.files.flatMap((file) => chunksOfFile(manifest, file)).map(({ id }) => id);
    const named = manifest.packs.flatMap(({ chunks }) => chunks).map(({ id }) => id);
    expect(named.toSorted()).toEqual([...new Set(used)].toSorted());
    for (const file of manifest.files) await readFromPacks(workspace.out, manifest, file);
    expect(await verify({ out: workspace.out })).toMatchObject({ damage: [], elsewhere: [] });
  });

  it('works from a folder or a web server into an empty OUT, and says what must stay there', async () => {
    const { workspace, oldPage, back } = await published();
    const copy = join(workspace.root, 'copy');
    await cp(workspace.out, copy, { recursive: true });
    const [oldManifest = ''] = await earlierManifests(copy);
    const host = await StaticHost.open();
    onTestFinished(() => host.close());
    await host.upload(workspace.out);
    for (const name of await readdir(join(copy, 'tabseed'))) {
      const bytes = await readFile(join(copy, 'tabseed', name));
      host.files.set(`tabseed/${name}`, { bytes, contentType: '', cacheControl: '' });
    }
    for (const where of [
      { previous: copy, to: 10 },
      { previous: host.url, to: oldManifest },
    ]) {
      await rm(workspace.out, { recursive: true });
      await mkdir(workspace.out);
      const report = await back(where);
      expect(report).toMatchObject({ outcome: 'published', previousSequence: 11, keptPacks: 1 });
      expect(await workspace.text('index.html')).toBe(oldPage);
      expect(await verify({ out: workspace.out })).toMatchObject({ damage: [] });
      const { keep } = await readDeployJson(workspace.out);
      expect(keep.filter(({ path }) => path.includes('/pack-'))).toHaveLength(1);
    }
    await rm(workspace.out, { recursive: true });
    await expect(back({ previous: host.url })).rejects.toMatchObject({ code: 'option-invalid' });
  });

  it('fails in one line that says what to do, and leaves OUT as it was', async () => {
    const { workspace, back } = await published();
    const refused = async (options: Partial<RollbackOptions>, code: string, words: RegExp) => {
      const error = await back(options).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code, message: expect.stringMatching(words) as string });
    };
    await refused({ to: 9 }, 'rollback-unknown', /which has 10: name a copy/);
    await refused({ to: 'ab'.repeat(32) }, 'rollback-unknown', /is it the hash/);
    await refused({ to: 11 }, 'option-invalid', /newest/);
    await refused({ key: generateKey().pem }, 'out-other-key', /use that key/);
    await refused({ out: join(workspace.root, 'nothing') }, 'out-foreign', /--previous/);
    const [pack = ''] = (await readdir(join(workspace.out, 'tabseed'))).filter((name) => name.startsWith('pack-'));
    const { packs } = (await readRelease(workspace.out, workspace.key.publicKey)).manifest;
    for (const { id } of packs) await writeFile(join(workspace.out, `tabseed/pack-${id}.bin`), 'damaged');
    await refused({}, 'rollback-incomplete', /is damaged/);
    for (const { id } of packs) await rm(join(workspace.out, `tabseed/pack-${id}.bin`));
    await refused({}, 'rollback-incomplete', /is missing/);
    expect(pack).not.toBe('');
    expect(await workspace.text('bad.js')).toBe('bad');
    expect(decodePointer(await readFile(join(workspace.out, POINTER_PATH))).pointer.sequence).toBe(11);
    expect((await readdir(workspace.root)).filter((name) => name.includes('-publish-'))).toEqual([]);
  });
});

/** Hashes of the manifests in a folder but the one that its pointer names. */
async function earlierManifests(out: string): Promise<string[]> {
  const { pointer } = decodePointer(await readFile(join(out, POINTER_PATH)));
  const names = await readdir(join(out, 'tabseed'));
  // Not their patches, whose names have two hashes.
  return names
    .flatMap((name) => /^manifest-([0-9a-f]{64})\.bin$/.exec(name)?.[1] ?? [])
    .filter((hash) => hash !== pointer.manifestHash);
}
