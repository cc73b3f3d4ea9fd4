import { readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { packPath, WORKER_SCRIPT } from '../../../src/protocol/layout.ts';
import { chunksOfFile } from '../../../src/protocol/manifest.ts';
import { DEFAULT_SETTINGS, decodeSettings } from '../../../src/protocol/settings.ts';
import { decodeWorkerConfig } from '../../../src/protocol/worker-config.ts';
import { generateKey } from '../../../src/publisher/index.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { readDeployJson } from '../../stage/static-host.ts';
import { readFromPacks, readRelease } from './release-reader.ts';
import { type Files, sha256, snapshot, Workspace } from './workspace.ts';

const DAY_SECONDS = 24 * 60 * 60;
const PAGE = '<!doctype html><html><head><title>app</title></head><body>app</body></html>';
const CODE = 'export const answer = () => 42;\n'.repeat(9000);

function app(seed: number): Files {
  const noise = new SeededRandom(seed).bytes(300_000);
  return {
    'index.html': PAGE,
    'docs/index.html': PAGE,
    'code.js': CODE,
    'copy of code.js': CODE,
    'noise.bin': noise,
    'empty.txt': '',
    'ünïcode/ß 100%.css': 'a{}',
    _headers: '/*\n  X-Frame-Options: DENY\n/*.js\n  Cache-Control: public, max-age=60\n',
  };
}

describe('a published folder', () => {
  it('gives every file back from its packs, signed and with its headers', async () => {
    const files = app(testSeed());
    const workspace = await Workspace.create(files);
    const report = await workspace.publish();
    const { pointer, manifest } = await readRelease(workspace.out, workspace.key.publicKey);

    expect(report).toMatchObject({ outcome: 'published', sequence: pointer.sequence, app: pointer.app, warnings: [] });
    expect(pointer.app).toMatch(/^[0-9a-f]{32}$/);
    expect(pointer.expires - pointer.created).toBe(90 * DAY_SECONDS);
    expect(decodeSettings(manifest.settings)).toEqual(DEFAULT_SETTINGS);
    expect(manifest.files.map(({ path }) => path)).toEqual(
      Object.keys(files)
        .filter((path) => path !== '_headers')
        .sort(),
    );
    for (const file of manifest.files) {
      const published = await readFile(join(workspace.out, file.path));
      expect((await readFromPacks(workspace.out, manifest, file)).equals(published), file.path).toBe(true);
      if (!file.path.endsWith('.html'))
        expect(published.equals(Buffer.from(files[file.path] ?? '')), file.path).toBe(true);
    }
    const byPath = new Map(manifest.files.map((file) => [file.path, file]));
    expect(byPath.get('index.html')?.mediaType).toBe('text/html;charset=utf-8');
    expect(byPath.get('copy of code.js')?.runs).toEqual(byPath.get('code.js')?.runs);
    expect(manifest.headerSets[byPath.get('code.js')?.headerSet ?? -1]).toEqual([
      ['x-frame-options', 'DENY'],
      ['cache-control', 'public, max-age=60'],
    ]);
    const encodings = new Set(manifest.packs.flatMap(({ chunks }) => chunks.map(({ encoding }) => encoding)));
    expect(encodings).toEqual(new Set(['identity', 'deflate-raw']));
  });

  it('has the script tag in its pages, and the scripts where the tags lead', async () => {
    const workspace = await Workspace.create(app(testSeed()));
    await workspace.publish({ development: true });
    expect(await workspace.text('index.html')).toContain(
      '<head><script type="module" src="tabseed/client.js"></script>',
    );
    expect(await workspace.text('docs/index.html')).toContain('src="../tabseed/client.js"');
    expect(await workspace.text('tabseed/client.js')).toBe('import("./swarm-abc.js")');
    expect(await workspace.text('tabseed/swarm-abc.js')).toBe('export {}');
    const [first = '', ...rest] = (await workspace.text(WORKER_SCRIPT)).split('\n');
    expect(rest.join('\n')).toBe('self.worker = 1;\n');
    const config = decodeWorkerConfig(JSON.parse(first.replace(/^self\.__tabseed=/, '').replace(/;$/, '')));
    expect(config).toMatchObject({ channel: 'stable', keys: [workspace.key.publicKey], development: true });
  });

  it('has the state page, which is asked about before each use as its names have no hash', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    const scripts = join(workspace.root, 'scripts/page/state');
    await workspace.write({ 'index.html': PAGE, 'state.js': 'export {}', 'style.css': 'p {}' }, scripts);
    await workspace.publish();
    expect(await workspace.text('tabseed/state/index.html')).toBe(PAGE);
    const { upload } = await readDeployJson(workspace.out);
    const state = upload.filter(({ path }) => path.startsWith('tabseed/state/'));
    expect(state.map(({ path, contentType, cacheControl }) => [path, contentType, cacheControl])).toEqual([
      ['tabseed/state/index.html', 'text/html;charset=utf-8', 'no-cache'],
      ['tabseed/state/state.js', 'text/javascript;charset=utf-8', 'no-cache'],
      ['tabseed/state/style.css', 'text/css;charset=utf-8', 'no-cache'],
    ]);
    expect((await workspace.publish()).outcome).toBe('unchanged');
  });

  it('holds up first visits with boot, where that can be', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    await workspace.write({ 'boot-abcd1234.js': ';' }, join(workspace.root, 'scripts/page'));
    await workspace.publish({ boot: true });
    expect(await workspace.text('index.html')).toContain('<script src="tabseed/boot-abcd1234.js"></script>');
    for (const other of [{ mode: 'off' }, { consent: 'ask' }, { inject: false }, { worker: 'sw.js' }] as const) {
      await expect(workspace.publish({ boot: true, ...other })).rejects.toMatchObject({ code: 'option-invalid' });
    }
  });

  it('has pages as they were with inject: false', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    await workspace.publish({ inject: false });
    expect(await workspace.text('index.html')).toBe(PAGE);
  });

  it('is uploaded in an order in which nothing names a missing file', async () => {
    const workspace = await Workspace.create(app(testSeed()));
    await workspace.publish({ exclude: ['docs'] });
    const { upload, keep, remove } = await readDeployJson(workspace.out);
    const kinds = upload.map(({ path }) => /^tabseed\/(pack|manifest|pointer|swarm|client)/.exec(path)?.[1] ?? path);
    expect(kinds).toEqual([
      'pack',
      'manifest',
      'swarm',
      'client',
      '_headers',
      'code.js',
      'copy of code.js',
      'empty.txt',
      'noise.bin',
      'ünïcode/ß 100%.css',
      'docs/index.html',
      'index.html',
      'tabseed-sw.js',
      'pointer',
    ]);
    expect(upload.map(({ step }) => step)).toEqual([...Array<number>(upload.length - 4).fill(1), 2, 2, 3, 4]);
    expect({ keep, remove }).toEqual({ keep: [], remove: [] });
    for (const { path, bytes } of upload) expect((await stat(join(workspace.out, path))).size, path).toBe(bytes);
    const cache = new Map(upload.map(({ path, cacheControl }) => [path, cacheControl]));
    expect(cache.get('code.js')).toBe('public, max-age=60');
    expect(cache.get('tabseed/pointer.bin')).toBe('no-cache');
    expect(upload[0]?.cacheControl).toContain('immutable');
    expect(Object.keys(await snapshot(workspace.out)).filter((path) => path !== 'deploy.json')).toEqual(
      expect.arrayContaining(upload.map(({ path }) => path)),
    );
  });

  it('copies excluded files, but leaves them to the origin', async () => {
    const workspace = await Workspace.create({
      'index.html': PAGE,
      'api/users.json': '{}',
      'api/page.html': PAGE,
      'deep/app.js.map': '{}',
      'config.json': '{}',
      'deep/config.json': '{}',
    });
    await workspace.publish({ exclude: ['api/', '*.map', '/config.json'] });
    const { manifest } = await readRelease(workspace.out, workspace.key.publicKey);
    expect(manifest.files.map(({ path }) => path)).toEqual(['deep/config.json', 'index.html']);
    expect(await workspace.text('api/users.json')).toBe('{}');
    expect(await workspace.text('api/page.html')).toBe(PAGE);
  });

  it('does not contain .git and .DS_Store', async () => {
    const workspace = await Workspace.create({
      'index.html': PAGE,
      '.git/HEAD': 'x',
      'a/.DS_Store': 'x',
      '.well-known/a': '',
    });
    await workspace.publish();
    const paths = Object.keys(await snapshot(workspace.out));
    expect(paths.filter((path) => /\.git|DS_Store/.test(path))).toEqual([]);
    expect(paths).toContain('.well-known/a');
  });

  it('has the decoded bytes of a file that is stored with Content-Encoding', async () => {
    const code = Buffer.from(CODE);
    const stored = brotliCompressSync(code);
    const workspace = await Workspace.create({
      'build.wasm.br': stored,
      'other.br': stored,
      _headers: '/build.wasm.br\n  Content-Encoding: br\n  Set-Cookie: a=1\n',
    });
    await workspace.publish();
    const { manifest } = await readRelease(workspace.out, workspace.key.publicKey);
    const [build, other] = manifest.files;
    expect(build).toMatchObject({ hash: sha256(code), plainBytes: code.length, mediaType: 'application/wasm' });
    expect(other).toMatchObject({ hash: sha256(stored) });
    expect(manifest.headerSets).toEqual([[]]);
    expect((await readFile(join(workspace.out, 'build.wasm.br'))).equals(stored)).toBe(true);
  });

  it('states UTF-8 for text that is UTF-8, and lets the reader find out for other text', async () => {
    const latin1 = Buffer.from('<meta charset=iso-8859-1><p>caf\xe9', 'latin1');
    const workspace = await Workspace.create({
      'latin1.html': latin1,
      'utf8.css': 'a::after{content:"é"}',
      'stated.txt': latin1,
      _headers: '/stated.txt\n  Content-Type: text/plain;charset=iso-8859-1\n',
    });
    await workspace.publish({ inject: false });
    const { manifest } = await readRelease(workspace.out, workspace.key.publicKey);
    expect(Object.fromEntries(manifest.files.map(({ path, mediaType }) => [path, mediaType]))).toEqual({
      'latin1.html': 'text/html',
      'stated.txt': 'text/plain;charset=iso-8859-1',
      'utf8.css': 'text/css;charset=utf-8',
    });
  });

  it('warns of a policy that stops Tabseed, names that are private, and names that differ in case only', async () => {
    const policy = `<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;">`;
    const workspace = await Workspace.create({
      'index.html': `<head>${policy}</head>`,
      'same.html': `<head>${policy}</head>`,
      'A.js': '',
      'a.js': '',
      '.env': 'SECRET=1',
    });
    const { warnings } = await workspace.publish({ signal: 'wss://signal.example.org/tabseed/signal' });
    expect(warnings).toEqual([
      expect.stringContaining('.env will be public'),
      expect.stringContaining('A.js and a.js differ in case only'),
      expect.stringMatching(
        /Policy of index.html stops Tabseed: add 'self' to script-src .*, add wss:\/\/signal.example.org to connect-src/,
      ),
    ]);
  });
});

describe('publishing again', () => {
  it('does nothing when nothing changed, and says so', async () => {
    const workspace = await Workspace.create(app(testSeed()));
    const first = await workspace.publish();
    const before = await snapshot(workspace.out);
    await utimes(join(workspace.source, 'code.js'), 1, 1);
    const second = await workspace.publish({ created: first.created + 5 });
    expect(second).toMatchObject({ outcome: 'unchanged', sequence: first.sequence, newPacks: 0 });
    expect(await snapshot(workspace.out)).toEqual(before);
  });

  it.each<[string, (workspace: Workspace) => Promise<unknown>]>([
    ['a file', (workspace) => workspace.write({ 'code.js': `${CODE};` })],
    ['an excluded file', (workspace) => workspace.write({ 'x.map': 'changed' })],
    ['the headers', (workspace) => workspace.write({ _headers: '/*\n  X-A: 1\n' })],
    ['a script', (workspace) => workspace.write({ 'sw.js': 'self.worker = 2;' }, join(workspace.root, 'scripts'))],
    ['a setting', async (workspace) => workspace.publish({ mode: 'off', exclude: ['*.map'] })],
  ])('is a new release after a change of %s', async (_, change) => {
    const workspace = await Workspace.create({ ...app(testSeed()), 'x.map': 'map' });
    const first = await workspace.publish({ exclude: ['*.map'] });
    await change(workspace);
    const second = await workspace.publish({ exclude: ['*.map'] });
    expect(second.outcome).toBe('published');
    expect(second.sequence).toBeGreaterThan(first.sequence);
  });

  it('keeps the older packs that it names, and packs new chunks only', async () => {
    const seed = testSeed();
    const workspace = await Workspace.create(app(seed));
    const first = await workspace.publish({ sequence: 10 });
    const before = await readRelease(workspace.out, workspace.key.publicKey);
    const noise = new SeededRandom(seed).bytes(300_000);
    noise.fill(1, 150_000, 150_010);
    await workspace.write({ 'noise.bin': noise });
    await rm(join(workspace.source, 'empty.txt'));
    const second = await workspace.publish({ sequence: 11 });
    const { pointer, manifest } = await readRelease(workspace.out, workspace.key.publicKey);

    expect(pointer.sequence).toBe(11);
    expect(second).toMatchObject({ packs: 3, newPacks: 2 });
    const packed = new Set(before.manifest.packs.flatMap(({ chunks }) => chunks.map(({ id }) => id)));
    const added = manifest.packs.flatMap(({ id, chunks }) => (id === before.manifest.packs[0]?.id ? [] : chunks));
    expect(added.length).toBeGreaterThan(0);
    expect(added.filter(({ id }) => packed.has(id))).toEqual([]);
    expect(second.newPackBytes).toBe(added.reduce((sum, { encodedBytes }) => sum + encodedBytes, 0));
    for (const file of manifest.files) await readFromPacks(workspace.out, manifest, file);
    const { remove } = await readDeployJson(workspace.out);
    expect(remove.map(({ path }) => path)).toEqual(['empty.txt', `tabseed/manifest-${first.manifestHash}.bin`]);
    expect(await workspace.text('empty.txt')).toBe('');
  });

  it('names nothing that only withdrawn releases have, be it in a pack beside what is used still', async () => {
    const noise = new SeededRandom(testSeed()).bytes(300_000);
    const workspace = await Workspace.create({ 'harm.js': CODE, 'noise.bin': noise });
    await workspace.publish();
    await workspace.write({ 'harm.js': 'harmless' });
    await workspace.publish({ withdraw: true });
    const { manifest } = await readRelease(workspace.out, workspace.key.publicKey);
    const used = manifest.files.flatMap((file) => chunksOfFile(manifest, file)).map(({ id }) => id);
    const named = manifest.packs.flatMap(({ chunks }) => chunks).map(({ id }) => id);
    expect(named.toSorted()).toEqual([...new Set(used)].toSorted());
    for (const file of manifest.files) await readFromPacks(workspace.out, manifest, file);
  });

  it('names no pack of which no file uses a chunk, and packs anew what is lost on disk', async () => {
    const seed = testSeed();
    const workspace = await Workspace.create({ 'a.bin': new SeededRandom(seed).bytes(100_000) });
    await workspace.publish();
    await workspace.write({ 'a.bin': new SeededRandom(seed + 1).bytes(100_000) });
    expect(await workspace.publish()).toMatchObject({ packs: 1, newPacks: 1 });
    const { manifest } = await readRelease(workspace.out, workspace.key.publicKey);
    await rm(join(workspace.out, packPath(manifest.packs[0]?.id ?? '')));
    expect(await workspace.publish()).toMatchObject({ packs: 1, newPacks: 1 });
  });

  it('replaces a file by a folder of its name, and back', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE, a: 'file' });
    await workspace.publish();
    await rm(join(workspace.source, 'a'));
    await workspace.write({ 'a/b': 'file' });
    await workspace.publish();
    expect(await workspace.text('a/b')).toBe('file');
    await rm(join(workspace.source, 'a'), { recursive: true });
    await workspace.write({ a: 'file again' });
    await workspace.publish();
    expect(await workspace.text('a')).toBe('file again');
  });

  it('leaves unchanged files with their times', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE, 'a.js': '1' });
    await workspace.publish();
    await utimes(join(workspace.out, 'a.js'), 1000, 1000);
    await workspace.write({ 'b.js': '2' });
    await workspace.publish();
    expect((await stat(join(workspace.out, 'a.js'))).mtimeMs).toBe(1_000_000);
  });
});

describe('the sequence', () => {
  it('is the time, or one more than the last when that is ahead', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    const before = Math.floor(Date.now() / 1000);
    const first = await workspace.publish();
    expect(first.sequence).toBeGreaterThanOrEqual(before);
    const ahead = first.sequence + 1_000_000;
    await workspace.publish({ sequence: ahead });
    await workspace.write({ 'a.js': '' });
    expect((await workspace.publish()).sequence).toBe(ahead + 1);
  });

  it('that is given must rise when anything changed', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    await workspace.publish({ sequence: 5 });
    expect(await workspace.publish({ sequence: 5 })).toMatchObject({ outcome: 'unchanged' });
    await expect(workspace.publish({ sequence: 4 })).rejects.toMatchObject({ code: 'sequence-low' });
    await workspace.write({ 'a.js': '' });
    await expect(workspace.publish({ sequence: 5 })).rejects.toMatchObject({ code: 'sequence-low' });
    expect(await workspace.publish({ sequence: 6 })).toMatchObject({ outcome: 'published', sequence: 6 });
  });
});

describe('the same input', () => {
  it('gives the same bytes in two places when sequence and time are given', async () => {
    const workspace = await Workspace.create(app(testSeed()));
    const other = join(workspace.root, 'a/deep/place');
    await workspace.publish({ sequence: 7, created: 1_700_000_000 });
    await workspace.publish({ sequence: 7, created: 1_700_000_000, out: other });
    expect(await snapshot(other)).toEqual(await snapshot(workspace.out));
  });

  it('warns when that time makes a release which has expired', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    const { warnings } = await workspace.publish({ created: 1_700_000_000 });
    expect(warnings).toEqual([expect.stringContaining('expired on 2024-02-12')]);
  });

  it('is another app with another key or scope, unless it is named', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    const publishTo = async (out: string, options: object) =>
      (await workspace.publish({ out: join(workspace.root, out), ...options })).app;
    const apps = [
      await publishTo('1', {}),
      await publishTo('2', { scope: '/app/' }),
      await publishTo('3', { key: generateKey().pem }),
      await publishTo('4', { app: 'mine' }),
    ];
    expect(new Set(apps).size).toBe(4);
    expect(await publishTo('5', { scope: '/' })).toBe(apps[0]);
  });
});
