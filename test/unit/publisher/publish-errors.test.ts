import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { generateKey, PublishError, type PublishOptions } from '../../../src/publisher/index.ts';
import { snapshot, Workspace } from './workspace.ts';

const PAGE = '<head></head>';
const NOBODY = 65_534;

/** Expects a one-line error, and that neither OUT nor anything beside it changed. */
async function expectRefused(
  workspace: Workspace,
  code: string,
  options: Partial<PublishOptions> = {},
): Promise<string> {
  const before = await snapshot(workspace.root);
  const error = await workspace.publish(options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PublishError);
  const { message } = error as PublishError;
  expect(error).toMatchObject({ code });
  expect(message).not.toContain('\n');
  expect(await snapshot(workspace.root)).toEqual(before);
  return message;
}

/** A workspace with one release, so that there is something to damage. */
async function published(): Promise<Workspace> {
  const workspace = await Workspace.create({ 'index.html': PAGE });
  await workspace.publish();
  return workspace;
}

describe('publishing is refused, and OUT left alone, when the source', () => {
  it('is missing, a file, or empty', async () => {
    const workspace = await published();
    await expectRefused(workspace, 'source-missing', { source: join(workspace.root, 'nowhere') });
    await expectRefused(workspace, 'source-missing', { source: join(workspace.source, 'index.html') });
    await mkdir(join(workspace.root, 'empty'));
    await expectRefused(workspace, 'source-empty', { source: join(workspace.root, 'empty') });
    await expectRefused(workspace, 'source-empty', { exclude: ['**'] });
  });

  it('has a link that leads out, nowhere or into itself', async () => {
    for (const target of ['../scripts', '/etc/hostname', 'nowhere', '.', 'a/..']) {
      const workspace = await published();
      await mkdir(join(workspace.source, 'a'));
      await symlink(target, join(workspace.source, 'link'));
      expect(await expectRefused(workspace, 'source-link')).toContain('link');
    }
  });

  it('has a name that cannot be a URL', async () => {
    for (const name of ['back\\slash', 'new\nline', 'x'.repeat(200)]) {
      const workspace = await published();
      await workspace.write({ [name.length > 100 ? Array(6).fill(name).join('/') : name]: '' });
      await expectRefused(workspace, 'source-path');
    }
    const workspace = await published();
    await writeFile(Buffer.concat([Buffer.from(`${workspace.source}/caf`), Buffer.of(0xe9)]), '');
    expect(await expectRefused(workspace, 'source-path')).toContain('UTF-8');
  });

  it('has a name of Tabseed’s own', async () => {
    for (const path of ['tabseed/x', 'tabseed-sw.js', 'deploy.json', 'tabseed']) {
      const workspace = await published();
      await workspace.write({ [path]: '' });
      await expectRefused(workspace, 'source-reserved');
    }
  });

  it('has a socket', async () => {
    const workspace = await published();
    const server = createServer().listen(join(workspace.source, 'socket'));
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    await expectRefused(workspace, 'source-unreadable');
  });

  it('has a file that may not be read', async () => {
    const workspace = await published();
    await workspace.write({ 'secret.bin': 'x' });
    await chmod(join(workspace.source, 'secret.bin'), 0o000);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) {
      for (const path of ['', ...(await readdir(workspace.root, { recursive: true }))]) {
        await chown(join(workspace.root, path), NOBODY, NOBODY);
      }
      process.seteuid?.(NOBODY);
    }
    try {
      expect(await expectRefused(workspace, 'source-unreadable')).toContain('secret.bin');
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it('changes while it is read', async () => {
    const workspace = await published();
    await workspace.write({ 'log.bin': Buffer.alloc(600_000) });
    const before = await snapshot(workspace.out);
    const publishing = workspace.publish({
      onProgress: ({ path }) => {
        if (path === 'log.bin') appendFileSync(join(workspace.source, 'log.bin'), 'more');
      },
    });
    await expect(publishing).rejects.toMatchObject({ code: 'source-changed' });
    expect(await snapshot(workspace.out)).toEqual(before);
    expect((await readdir(workspace.root)).sort()).toEqual(['out', 'scripts', 'src']);
  });

  it('has a file whose Content-Encoding is not true or not known', async () => {
    const workspace = await published();
    await workspace.write({ 'a.br': 'not brotli', _headers: '/a.br\n  Content-Encoding: br\n' });
    await expectRefused(workspace, 'source-encoding');
    await workspace.write({ _headers: '/a.br\n  Content-Encoding: zip\n' });
    await expectRefused(workspace, 'option-invalid');
  });

  it('has a headers file with an error', async () => {
    const workspace = await published();
    await workspace.write({ _headers: '/a\nX-A: 1\n' });
    expect(await expectRefused(workspace, 'headers-syntax')).toContain('_headers line 2');
    await expectRefused(workspace, 'option-invalid', { headersFile: join(workspace.root, 'nowhere') });
  });
});

describe('publishing is refused, and nothing left behind, when OUT', () => {
  it('lies in the source, or the source in it, also through links', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE, 'dist/app.js': '' });
    await symlink(workspace.source, join(workspace.root, 'alias'));
    for (const [source, out] of [
      ['src', 'src/out'],
      ['src', 'src/new/out'],
      ['src', 'src'],
      ['src/dist', 'src'],
      ['src', 'alias/out'],
    ] as const) {
      await expectRefused(workspace, 'folders-nested', {
        source: join(workspace.root, source),
        out: join(workspace.root, out),
      });
    }
  });

  it('has files of somebody else, or is a file', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    await workspace.write({ 'precious.txt': 'mine' }, workspace.out);
    await expectRefused(workspace, 'out-foreign');
    await expectRefused(workspace, 'out-unwritable', { out: join(workspace.out, 'precious.txt') });
    await expectRefused(workspace, 'out-unwritable', { out: join(workspace.out, 'precious.txt/below') });
  });

  it('holds a release of another key, app or channel', async () => {
    const workspace = await published();
    await expectRefused(workspace, 'out-other-key', { key: generateKey().pem });
    await expectRefused(workspace, 'out-other-app', { app: 'another' });
    await expectRefused(workspace, 'out-other-app', { channel: 'beta' });
  });

  it('holds a damaged release', async () => {
    const workspace = await published();
    const manifest = (await readdir(join(workspace.out, 'tabseed'))).find((name) => name.startsWith('manifest-')) ?? '';
    await writeFile(join(workspace.out, 'tabseed', manifest), 'damaged');
    await expectRefused(workspace, 'out-damaged');
    await writeFile(join(workspace.out, 'tabseed/pointer.bin'), 'damaged');
    await expectRefused(workspace, 'out-damaged');
  });
});

describe('publishing is refused when an option', () => {
  it('has a value that no release can have', async () => {
    const workspace = await published();
    for (const options of [
      { mode: 'everybody' as 'site' },
      { signal: 'ftp://x.test' },
      { scope: 'app' },
      { scope: '/a"b/' },
      { sequence: 1.5 },
      { sequence: 20_270_101_120_000 },
      { created: -1 },
      { version: 'x'.repeat(129) },
      { app: '' },
    ]) {
      await expectRefused(workspace, 'option-invalid', options);
    }
  });

  it('is no Ed25519 private key', async () => {
    const workspace = await published();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    expect(await expectRefused(workspace, 'key-invalid', { key: pem })).toContain('type ec');
    await expectRefused(workspace, 'key-invalid', { key: 'no key' });
  });

  it('names scripts that were not built', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    const { page, worker } = workspace.scripts;
    await expectRefused(workspace, 'scripts-missing', { scripts: { page: `${page}x`, worker } });
    await expectRefused(workspace, 'scripts-missing', { scripts: { page, worker: `${worker}x` } });
    await expectRefused(workspace, 'scripts-missing', {
      out: join(workspace.root, 'new/deep/out'),
      scripts: { page, worker: `${worker}x` },
    });
  });
});

it('stops when it is told to, and leaves nothing behind', async () => {
  const workspace = await published();
  await workspace.write({ 'a.bin': Buffer.alloc(600_000) });
  const before = await snapshot(workspace.root);
  const abort = new AbortController();
  const reason = new Error('enough');
  const publishing = workspace.publish({ abort: abort.signal, onProgress: () => abort.abort(reason) });
  await expect(publishing).rejects.toBe(reason);
  expect(await snapshot(workspace.root)).toEqual(before);
});
