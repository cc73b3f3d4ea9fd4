import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { manifestPath, POINTER_PATH, packPath } from '../../../src/protocol/layout.ts';
import { generateKey, type PublishOptions } from '../../../src/publisher/index.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { readDeployJson, StaticHost } from '../../stage/static-host.ts';
import { readFromPacks, readRelease } from './release-reader.ts';
import { snapshot, Workspace } from './workspace.ts';

const PAGE = '<head></head>';
const WEEK_SECONDS = 7 * 24 * 60 * 60;

interface Deployment {
  readonly workspace: Workspace;
  readonly host: StaticHost;
  readonly noise: Uint8Array;
}

/** A release that was published and uploaded; OUT is empty again, as in the next run of a CI job. */
async function deployed(options: Partial<PublishOptions> = {}): Promise<Deployment> {
  const noise = new SeededRandom(testSeed()).bytes(600_000);
  const workspace = await Workspace.create({
    'index.html': PAGE,
    'a.js': 'one',
    'gone.js': 'gone',
    'noise.bin': noise,
  });
  await workspace.publish(options);
  const host = await StaticHost.open();
  onTestFinished(() => host.close());
  await host.upload(workspace.out);
  await rm(workspace.out, { recursive: true });
  return { workspace, host, noise };
}

/** One file is new, one has gone, and one has changed in a corner. */
async function change({ workspace, noise }: Deployment): Promise<void> {
  noise.fill(7, 0, 10);
  await workspace.write({ 'noise.bin': noise, 'a.js': 'two' });
  await rm(join(workspace.source, 'gone.js'));
}

describe('publishing into an empty folder with --previous', () => {
  it('follows what a web server has, reads the packs of what has changed, and says what must stay there', async () => {
    const deployment = await deployed({ app: 'my app', sequence: 4_000_000_000 });
    const { workspace, host } = deployment;
    const before = host.requests.length;
    await change(deployment);
    const report = await workspace.publish({ previous: host.url.slice(0, -1) });

    expect(report).toMatchObject({
      outcome: 'published',
      app: 'my app',
      sequence: 4_000_000_001,
      previousSequence: 4_000_000_000,
      packs: 3,
      newPacks: 2,
      keptPacks: 1,
    });
    const { manifest } = await readRelease(workspace.out, workspace.key.publicKey);
    const [old, fresh, deltas] = manifest.packs;
    const { upload, keep, remove } = await readDeployJson(workspace.out);
    expect(host.requests.slice(before)).toEqual([
      `GET ${POINTER_PATH}`,
      expect.stringMatching(/^GET tabseed\/manifest-/),
      `HEAD ${packPath(old?.id ?? '')}`,
      `GET ${packPath(old?.id ?? '')}`,
    ]);
    expect(keep).toEqual([
      { path: packPath(old?.id ?? ''), bytes: host.files.get(packPath(old?.id ?? ''))?.bytes.length },
    ]);
    const paths = upload.map(({ path }) => path);
    expect(paths).toContain(packPath(fresh?.id ?? ''));
    expect(paths).toContain(packPath(deltas?.id ?? ''));
    expect(paths).not.toContain(packPath(old?.id ?? ''));
    expect((await readdir(join(workspace.out, 'tabseed'))).filter((name) => name.startsWith('pack-'))).toHaveLength(2);
    expect(remove.map(({ path }) => path)).toEqual(['gone.js', expect.stringMatching(/^tabseed\/manifest-/)]);
    const inAWeek = Date.now() / 1000 + WEEK_SECONDS;
    for (const { after } of remove) expect(Math.abs(after - inAWeek)).toBeLessThan(60);

    await host.upload(workspace.out);
    for (const [path, { bytes }] of host.files) await workspace.write({ [path]: bytes }, join(workspace.root, 'host'));
    for (const file of manifest.files) await readFromPacks(join(workspace.root, 'host'), manifest, file);
  });

  it('fills OUT with the same release again when nothing changed', async () => {
    const { workspace, host } = await deployed();
    const report = await workspace.publish({ previous: host.url });
    expect(report).toMatchObject({ outcome: 'unchanged', newPacks: 0, keptPacks: 1 });
    const { upload, keep, remove } = await readDeployJson(workspace.out);
    for (const { path } of upload) {
      expect(host.files.get(path)?.bytes.equals(await readFile(join(workspace.out, path))), path).toBe(true);
    }
    expect(keep).toHaveLength(1);
    expect(remove).toEqual([]);
  });

  it('copies the packs, named and not, when OUT must be complete', async () => {
    const deployment = await deployed();
    const { workspace, host } = deployment;
    await change(deployment);
    await workspace.write({ 'noise.bin': new SeededRandom(testSeed() + 1).bytes(400_000) });
    const report = await workspace.publish({ previous: host.url, complete: true });
    expect(report).toMatchObject({ outcome: 'published', keptPacks: 0 });
    const { manifest } = await readRelease(workspace.out, workspace.key.publicKey);
    for (const file of manifest.files) await readFromPacks(workspace.out, manifest, file);
    const { keep } = await readDeployJson(workspace.out);
    expect(keep).toEqual([]);
    const packs = [...host.files.keys()].filter((path) => path.startsWith('tabseed/pack-'));
    for (const path of packs) {
      expect(host.files.get(path)?.bytes.equals(await readFile(join(workspace.out, path))), path).toBe(true);
    }
  });

  it('takes a folder as well, and the times at which earlier lists let files go', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE, 'a.js': '1', 'b.js': '1' });
    await workspace.publish({ sequence: 10, created: 1_000_000 });
    await rm(join(workspace.source, 'a.js'));
    await workspace.publish({ sequence: 11, created: 2_000_000 });
    const copy = join(workspace.root, 'copy');
    await cp(workspace.out, copy, { recursive: true });
    await rm(workspace.out, { recursive: true });
    await mkdir(workspace.out);
    await rm(join(workspace.source, 'b.js'));
    const { keptPacks } = await workspace.publish({ sequence: 12, created: 3_000_000, previous: copy });
    expect(keptPacks).toBe(1);
    const after = new Map((await readDeployJson(workspace.out)).remove.map(({ path, after }) => [path, after]));
    expect(after.get('a.js')).toBe(2_000_000 + WEEK_SECONDS);
    expect(after.get('b.js')).toBe(3_000_000 + WEEK_SECONDS);
    // What has come back is needed again.
    await workspace.write({ 'a.js': '1' });
    await rm(workspace.out, { recursive: true });
    await workspace.publish({ sequence: 12, created: 3_000_000, previous: copy });
    expect((await readDeployJson(workspace.out)).remove.map(({ path }) => path)).not.toContain('a.js');
  });

  it('gives the same bytes for the same sequence and time', async () => {
    const deployment = await deployed({ sequence: 5, created: 1_790_000_000 });
    const { workspace, host } = deployment;
    await change(deployment);
    const options = { sequence: 6, created: 1_790_000_100, previous: host.url };
    const other = join(workspace.root, 'other');
    await workspace.publish(options);
    await workspace.publish({ ...options, out: other });
    expect(await snapshot(other)).toEqual(await snapshot(workspace.out));
  });

  it('packs anew what the host has lost, cut, or answers with a page', async () => {
    for (const lose of [
      (host: StaticHost, pack: string) => host.files.delete(pack),
      (host: StaticHost, pack: string) =>
        host.files.set(pack, { bytes: Buffer.alloc(5), contentType: '', cacheControl: '' }),
      (host: StaticHost, pack: string) => {
        host.files.delete(pack);
        host.turnsUnknownIntoPage = true;
      },
    ]) {
      const { workspace, host } = await deployed();
      lose(host, [...host.files.keys()].find((path) => path.startsWith('tabseed/pack-')) ?? '');
      for (const complete of [false, true]) {
        await rm(workspace.out, { recursive: true, force: true });
        const report = await workspace.publish({ previous: host.url, complete });
        expect(report).toMatchObject({ packs: 1, newPacks: 1, keptPacks: 0 });
      }
    }
  });

  it('does not copy a pack that is not the one of its name', async () => {
    const { workspace, host } = await deployed();
    const pack = [...host.files.keys()].find((path) => path.startsWith('tabseed/pack-')) ?? '';
    const wrong = Buffer.from(host.files.get(pack)?.bytes ?? '');
    wrong[9] = (wrong[9] ?? 0) ^ 1;
    host.files.set(pack, { bytes: wrong, contentType: '', cacheControl: '' });
    expect(await workspace.publish({ previous: host.url, complete: true })).toMatchObject({ newPacks: 1 });
    const { manifest } = await readRelease(workspace.out, workspace.key.publicKey);
    for (const file of manifest.files) await readFromPacks(workspace.out, manifest, file);
  });
});

describe('--previous is refused, with what to do, and OUT left alone, when', () => {
  async function expectRefused(workspace: Workspace, code: string, options: Partial<PublishOptions>): Promise<string> {
    const before = await snapshot(workspace.root);
    const error: unknown = await workspace.publish(options).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'PublishError', code });
    const { message } = error as Error;
    expect(message).not.toContain('\n');
    expect(await snapshot(workspace.root)).toEqual(before);
    return message;
  }

  it('nobody answers, or with an error', async () => {
    const { workspace, host } = await deployed();
    host.status = (method) => (method === 'HEAD' ? 503 : undefined);
    expect(await expectRefused(workspace, 'previous-unreachable', { previous: host.url })).toContain('status 503');
    host.status = () => 403;
    const message = await expectRefused(workspace, 'previous-unreachable', { previous: host.url });
    expect(message).toContain(
      `${host.url}tabseed/pointer.bin answers with status 403: is it right? A first publish needs no --previous`,
    );
    await host.close();
    expect(await expectRefused(workspace, 'previous-unreachable', { previous: host.url })).toContain('ECONNREFUSED');
  });

  it('there is no release: nothing, a page, an empty folder, none', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    const host = await StaticHost.open();
    onTestFinished(() => host.close());
    const previous = host.url;
    expect(await expectRefused(workspace, 'previous-missing', { previous })).toContain('first publish needs no');
    const page = Buffer.from(`\n<!doctype html>${PAGE}`);
    host.files.set('index.html', { bytes: page, contentType: 'text/html', cacheControl: '' });
    host.turnsUnknownIntoPage = true;
    await expectRefused(workspace, 'previous-missing', { previous });
    const long = Buffer.alloc(10_000_000, '<');
    host.files.set('index.html', { bytes: long, contentType: 'text/html', cacheControl: '' });
    await expectRefused(workspace, 'previous-missing', { previous });
    await mkdir(join(workspace.root, 'empty'));
    for (const name of ['empty', 'none']) {
      await expectRefused(workspace, 'previous-missing', { previous: join(workspace.root, name) });
    }
  });

  it('what answers was signed by another key, or is of another app', async () => {
    const { workspace, host } = await deployed();
    const previous = host.url;
    await expectRefused(workspace, 'previous-other-key', { previous, key: generateKey().pem });
    await expectRefused(workspace, 'previous-other-app', { previous, app: 'another' });
    await expectRefused(workspace, 'previous-other-app', { previous, channel: 'beta' });
  });

  it('pointer or manifest are damaged, swapped or endless', async () => {
    const { workspace, host } = await deployed();
    const previous = host.url;
    const { pointer } = await readPointerOf(host, workspace);
    const manifest = manifestPath(pointer.manifestHash);
    const good = host.files.get(manifest);
    for (const bytes of [Buffer.from('{}'), Buffer.alloc(20_000_000, 1)]) {
      host.files.set(manifest, { bytes, contentType: '', cacheControl: '' });
      await expectRefused(workspace, 'previous-damaged', { previous });
    }
    host.files.delete(manifest);
    await expectRefused(workspace, 'previous-damaged', { previous });
    if (good !== undefined) host.files.set(manifest, good);
    const whole = host.files.get(POINTER_PATH)?.bytes ?? Buffer.alloc(0);
    const put = (bytes: Buffer) => host.files.set(POINTER_PATH, { bytes, contentType: '', cacheControl: '' });
    put(whole.subarray(0, -1));
    await expectRefused(workspace, 'previous-damaged', { previous });
    const flipped = Buffer.from(whole);
    flipped[20] = (flipped[20] ?? 0) ^ 1;
    put(flipped);
    await expectRefused(workspace, 'previous-other-key', { previous });
  });

  it('a body never ends: no more is read than is allowed', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    let sent = 0;
    const server = createServer((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536;
      };
      response.on('drain', more);
      more();
    });
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const previous = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await expectRefused(workspace, 'previous-missing', { previous });
    expect(sent).toBeLessThan(50_000_000);
  });

  it('OUT is not empty', async () => {
    const { workspace, host } = await deployed();
    await workspace.write({ x: '' }, workspace.out);
    await expectRefused(workspace, 'out-not-empty', { previous: host.url });
  });

  it('it is no URL or folder that could be read', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    for (const previous of ['s3://bucket/app', 'https://user:secret@app.example/', 'http://']) {
      const message = await expectRefused(workspace, 'option-invalid', { previous });
      expect(message).not.toContain('secret');
    }
  });
});

async function readPointerOf(host: StaticHost, workspace: Workspace): ReturnType<typeof readRelease> {
  const folder = join(workspace.root, 'read');
  for (const [path, { bytes }] of host.files) await workspace.write({ [path]: bytes }, folder);
  return await readRelease(folder, workspace.key.publicKey);
}

describe('OUT', () => {
  it('is its own --previous when that names it', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    await workspace.publish();
    expect(await workspace.publish({ previous: `${workspace.out}/` })).toMatchObject({ outcome: 'unchanged' });
  });

  it('may be a branch that is checked out, and is never told to remove what no release named', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE, 'a.js': '1' });
    await workspace.write({ '.git/HEAD': 'ref' }, workspace.out);
    await workspace.publish();
    await writeFile(join(workspace.out, 'CNAME'), 'app.example');
    await rm(join(workspace.source, 'a.js'));
    await workspace.publish();
    const { remove } = await readDeployJson(workspace.out);
    expect(remove.map(({ path }) => path)).toEqual(['a.js', expect.stringMatching(/^tabseed\/manifest-/)]);
    await rm(join(workspace.out, 'a.js'));
    await workspace.write({ 'b.js': '1' });
    await workspace.publish();
    expect((await readDeployJson(workspace.out)).remove.map(({ path }) => path)).not.toContain('a.js');
  });
});
