import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLIENT_SCRIPT, POINTER_PATH, WORKER_SCRIPT } from '../../../src/protocol/layout.ts';
import { decodePointer, isRetirement } from '../../../src/protocol/pointer.ts';
import { decodeWorkerScript } from '../../../src/protocol/worker-config.ts';
import { generateKey, retire } from '../../../src/publisher/index.ts';
import { isSignedBy } from '../../../src/publisher/signing-key.ts';
import { readRelease } from './release-reader.ts';
import { snapshot, Workspace } from './workspace.ts';

const FILES = { 'index.html': '<head></head>', 'app.js': 'app()', 'sub/a.txt': 'a' };

async function published(): Promise<Workspace> {
  const workspace = await Workspace.create(FILES);
  await workspace.publish();
  return workspace;
}

async function pointerIn(workspace: Workspace) {
  return decodePointer(await readFile(join(workspace.out, POINTER_PATH)));
}

describe('retire', () => {
  it('replaces the worker and the client script and nothing else when it has no key', async () => {
    const workspace = await published();
    const before = await snapshot(workspace.out);
    const report = await retire({ out: workspace.out });
    expect(report).toMatchObject({ outcome: 'retired', signed: false, files: [CLIENT_SCRIPT, WORKER_SCRIPT] });
    const after = await snapshot(workspace.out);
    const changed = Object.keys({ ...before, ...after }).filter((path) => before[path] !== after[path]);
    expect(changed.sort()).toEqual(['deploy.json', WORKER_SCRIPT, CLIENT_SCRIPT].sort());
    const script = await workspace.text(WORKER_SCRIPT);
    expect(decodeWorkerScript(script)).toMatchObject({ isRetired: true, config: { app: report.app } });
    expect(script).not.toContain("'fetch'");
    expect(script.length).toBeLessThan(2000);
  });

  it('signs a pointer without a release with the key, above the last sequence and for years', async () => {
    const workspace = await published();
    const last = (await pointerIn(workspace)).pointer;
    const report = await retire({ out: workspace.out, key: workspace.key.pem });
    const signed = await pointerIn(workspace);
    expect(report).toMatchObject({ signed: true, sequence: signed.pointer.sequence });
    expect(isRetirement(signed.pointer)).toBe(true);
    expect(isSignedBy(signed, workspace.key.publicKey)).toBe(true);
    expect(signed.pointer).toMatchObject({ app: last.app, channel: last.channel });
    expect(signed.pointer.sequence).toBeGreaterThan(last.sequence);
    expect(signed.pointer.expires - signed.pointer.created).toBeGreaterThan(9 * 365 * 24 * 60 * 60);
  });

  it('lists in deploy.json what the app still needs, and the rest as what may go', async () => {
    const workspace = await published();
    await retire({ out: workspace.out, key: workspace.key.pem });
    const list = JSON.parse(await workspace.text('deploy.json')) as {
      sequence: number;
      upload: { path: string; bytes: number }[];
      remove: { path: string }[];
    };
    expect(list.sequence).toBe((await pointerIn(workspace)).pointer.sequence);
    const paths = list.upload.map(({ path }) => path);
    expect(paths.slice().sort()).toEqual([...Object.keys(FILES), CLIENT_SCRIPT, WORKER_SCRIPT, POINTER_PATH].sort());
    expect(paths.at(-1)).toBe(POINTER_PATH);
    for (const { path, bytes } of list.upload) {
      expect((await readFile(join(workspace.out, path))).length, path).toBe(bytes);
    }
    expect(list.remove.map(({ path }) => path).join()).toMatch(/pack-.*\.bin/);
  });

  it('does nothing the second time, but adds the signature that was missing', async () => {
    const workspace = await published();
    await retire({ out: workspace.out });
    const before = await snapshot(workspace.out);
    expect(await retire({ out: workspace.out })).toMatchObject({ outcome: 'unchanged', signed: false });
    expect(await snapshot(workspace.out)).toEqual(before);
    expect(await retire({ out: workspace.out, key: workspace.key.pem })).toMatchObject({
      outcome: 'retired',
      signed: true,
    });
    expect(await retire({ out: workspace.out })).toMatchObject({ outcome: 'unchanged', signed: true });
  });

  it.each([['without a key'], ['with the key']])('is undone by publishing again: %s', async (how) => {
    const workspace = await published();
    await retire({ out: workspace.out, key: how === 'with the key' ? workspace.key.pem : undefined });
    const { sequence } = (await pointerIn(workspace)).pointer;
    const report = await workspace.publish();
    expect(report).toMatchObject({ outcome: 'published', files: 3 });
    const { pointer } = await readRelease(workspace.out, workspace.key.publicKey);
    expect(pointer.sequence).toBeGreaterThan(sequence);
    expect(await workspace.text(WORKER_SCRIPT)).toMatch(/^self\.__tabseed=/);
    expect(await workspace.text(CLIENT_SCRIPT)).toBe('import("./swarm-abc.js")');
  });

  it('leaves a folder alone that is not of the app, or of Tabseed at all', async () => {
    const workspace = await published();
    const before = await snapshot(workspace.out);
    const refused = (key?: string) => expect(retire({ out: workspace.out, key })).rejects;
    await refused(generateKey().pem).toMatchObject({ code: 'out-other-key' });
    await refused('nonsense').toMatchObject({ code: 'key-invalid' });
    expect(await snapshot(workspace.out)).toEqual(before);
    await writeFile(join(workspace.out, WORKER_SCRIPT), 'self.mine = 1');
    await refused().toMatchObject({ code: 'out-damaged' });
    await rm(join(workspace.out, WORKER_SCRIPT));
    await refused().toMatchObject({ code: 'out-foreign' });
  });
});
