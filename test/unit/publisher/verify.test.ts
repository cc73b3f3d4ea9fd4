import { appendFile, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { manifestPath, POINTER_PATH, packPath, WORKER_SCRIPT } from '../../../src/protocol/layout.ts';
import { encodePointer, type Pointer, pointerBytesToSign } from '../../../src/protocol/pointer.ts';
import { generateKey, retire, verify } from '../../../src/publisher/index.ts';
import { SigningKeys } from '../../../src/publisher/signing-key.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { type ReadRelease, readRelease } from './release-reader.ts';
import { Workspace } from './workspace.ts';

const LIST = 'deploy.json';

/** A release with files of one and of many chunks, an empty one, and one that is stored compressed. */
async function published(): Promise<{ workspace: Workspace; release: ReadRelease }> {
  const workspace = await Workspace.create({
    'index.html': '<head></head>',
    'code.js': 'export const answer = () => 42;\n'.repeat(9000),
    'noise.bin': new SeededRandom(testSeed()).bytes(600_000),
    'empty.txt': '',
    'data.br': brotliCompressSync('{"answer":42}'.repeat(1000)),
    _headers: '/data.br\n  Content-Encoding: br\n',
  });
  await workspace.publish();
  return { workspace, release: await readRelease(workspace.out, workspace.key.publicKey) };
}

async function damageOf(workspace: Workspace): Promise<string[]> {
  const { damage } = await verify({ out: workspace.out });
  for (const { message } of damage) expect(message).toMatch(/^[^\n]+$/);
  return damage.map(({ code, path }) => `${code} ${path}`);
}

async function flip(workspace: Workspace, path: string, at: number): Promise<void> {
  const bytes = await readFile(join(workspace.out, path));
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  await writeFile(join(workspace.out, path), bytes);
}

describe('verify', () => {
  it('finds nothing wrong with what publish has made, however often', async () => {
    const { workspace, release } = await published();
    const steps: number[] = [];
    const report = await verify({
      out: workspace.out,
      publicKeys: [workspace.key.publicKey],
      onProgress: ({ doneBytes, totalBytes }) => steps.push(doneBytes / totalBytes),
    });
    expect(report).toMatchObject({
      ...{ app: release.pointer.app, sequence: release.pointer.sequence, retired: false, files: 5 },
      ...{ elsewhere: [], damage: [] },
    });
    expect(report.chunks).toBeGreaterThan(5);
    expect(steps).toEqual(steps.slice().sort((a, b) => a - b));
    expect(steps.at(-1)).toBe(1);
    await workspace.write({ 'more.txt': 'more' });
    await workspace.publish();
    expect(await damageOf(workspace)).toEqual([]);
  });

  it('lists packs that are on the host alone, and is content with them', async () => {
    const { workspace, release } = await published();
    await workspace.write({ 'more.txt': 'more' });
    const out = join(workspace.root, 'next');
    await workspace.publish({ out, previous: workspace.out });
    const report = await verify({ out });
    expect(report.damage).toEqual([]);
    expect(report.elsewhere).toEqual(release.manifest.packs.map(({ id }) => packPath(id)));
  });

  it('knows a retired app, signed or not', async () => {
    const { workspace } = await published();
    await retire({ out: workspace.out });
    expect(await verify({ out: workspace.out })).toMatchObject({ retired: true, damage: [] });
    await retire({ out: workspace.out, key: workspace.key.pem });
    expect(await verify({ out: workspace.out })).toMatchObject({ retired: true, files: 0, damage: [] });
  });

  it('names every file that has other bytes', async () => {
    const { workspace, release } = await published();
    const pack = packPath(release.manifest.packs[0]?.id ?? '');
    await flip(workspace, 'noise.bin', -1);
    await flip(workspace, 'data.br', 5);
    await flip(workspace, pack, 100);
    await appendFile(join(workspace.out, 'index.html'), '<!-- by a proxy -->');
    await rm(join(workspace.out, 'code.js'));
    expect(await damageOf(workspace)).toEqual([
      `chunk-wrong ${pack}`,
      'file-missing code.js',
      'file-differs data.br',
      'file-differs index.html',
      'file-differs noise.bin',
      `deploy-list-wrong ${LIST}`,
      `deploy-list-wrong ${LIST}`,
    ]);
  });

  it('sees a pack that was cut off, and a folder in the place of a file', async () => {
    const { workspace, release } = await published();
    const pack = packPath(release.manifest.packs[0]?.id ?? '');
    await writeFile(join(workspace.out, pack), (await readFile(join(workspace.out, pack))).subarray(0, -1));
    await rm(join(workspace.out, 'empty.txt'));
    await mkdir(join(workspace.out, 'empty.txt'));
    await rm(join(workspace.out, LIST));
    expect(await damageOf(workspace)).toEqual([`file-differs ${pack}`, 'file-unreadable empty.txt']);
  });

  it('sees a manifest that is missing or damaged', async () => {
    const { workspace, release } = await published();
    const manifest = manifestPath(release.pointer.manifestHash);
    await flip(workspace, manifest, 50);
    expect(await damageOf(workspace)).toContain(`manifest-wrong ${manifest}`);
    await rm(join(workspace.out, manifest));
    expect(await damageOf(workspace)).toContain(`file-missing ${manifest}`);
  });

  it('sees a pointer that is damaged, of another key, and one that is missing', async () => {
    const { workspace } = await published();
    const { damage } = await verify({ out: workspace.out, publicKeys: [generateKey().publicKey] });
    expect(damage.map(({ code, path }) => `${code} ${path}`)).toEqual([
      `signature-wrong ${POINTER_PATH}`,
      `signature-wrong ${WORKER_SCRIPT}`,
    ]);
    await flip(workspace, POINTER_PATH, -1);
    expect(await damageOf(workspace)).toEqual([`signature-wrong ${POINTER_PATH}`]);
    await flip(workspace, POINTER_PATH, 0);
    expect(await damageOf(workspace)).toEqual([`pointer-wrong ${POINTER_PATH}`]);
    await rm(join(workspace.out, POINTER_PATH));
    expect(await damageOf(workspace)).toContain(`file-missing ${POINTER_PATH}`);
  });

  it.each([
    ['that has expired', { expires: 1, created: 0 }, `release-expired ${POINTER_PATH}`],
    ['of another channel', { channel: 'beta' }, `parts-differ ${POINTER_PATH}`],
    ['with a sequence that no browser believes', { sequence: 2 ** 40 }, `pointer-wrong ${POINTER_PATH}`],
    ['of another sequence than the manifest', { sequence: 5 }, `deploy-list-wrong ${LIST}`],
  ])('sees a pointer %s, though it is signed', async (_, change: Partial<Pointer>, expected) => {
    const { workspace, release } = await published();
    const pointer: Pointer = { ...release.pointer, ...change };
    const signatures = SigningKeys.parse(workspace.key.pem).sign(pointerBytesToSign(pointer));
    await writeFile(join(workspace.out, POINTER_PATH), encodePointer(pointer, signatures));
    const found = await damageOf(workspace);
    expect(found).toContain(expected);
    const isOfManifest = change.sequence === undefined && change.channel === undefined;
    expect(found.includes(`parts-differ ${manifestPath(pointer.manifestHash)}`)).toBe(!isOfManifest);
  });

  it('sees a worker script of another kind, of another app, and one that is missing', async () => {
    const { workspace } = await published();
    const other = await published();
    await copyFile(join(other.workspace.out, WORKER_SCRIPT), join(workspace.out, WORKER_SCRIPT));
    const found = await damageOf(workspace);
    expect(found).toContain(`signature-wrong ${POINTER_PATH}`);
    expect(found).toContain(`parts-differ ${POINTER_PATH}`);
    await writeFile(join(workspace.out, WORKER_SCRIPT), 'self.mine = 1');
    expect(await damageOf(workspace)).toContain(`worker-wrong ${WORKER_SCRIPT}`);
    await rm(join(workspace.out, WORKER_SCRIPT));
    expect(await damageOf(workspace)).toContain(`file-missing ${WORKER_SCRIPT}`);
  });

  it.each([
    ['is no JSON', () => 'nonsense'],
    ['lacks a file', (list: string) => list.replace('"path": "code.js"', '"path": "index.html"')],
    ['has another length', (list: string) => list.replace(/"bytes": 600000/, '"bytes": 599999')],
    ['is of another release', (list: string) => list.replace(/"sequence": \d+/, '"sequence": 3')],
    ['does not end with the pointer', (list: string) => list.replace(POINTER_PATH, WORKER_SCRIPT)],
  ])('sees a deploy list that %s', async (_, change) => {
    const { workspace } = await published();
    await writeFile(join(workspace.out, LIST), change(await workspace.text(LIST)));
    expect(new Set(await damageOf(workspace))).toEqual(new Set([`deploy-list-wrong ${LIST}`]));
  });

  it('takes no folder in which nothing is published', async () => {
    const { workspace } = await published();
    await expect(verify({ out: workspace.source })).rejects.toMatchObject({ code: 'out-foreign' });
    await expect(verify({ out: join(workspace.root, 'nowhere') })).rejects.toMatchObject({ code: 'out-foreign' });
    expect((await readdir(workspace.out)).length).toBeGreaterThan(5);
  });
});
