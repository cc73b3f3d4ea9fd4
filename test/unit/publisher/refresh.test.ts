import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judgePointer } from '../../../src/core/pointer-policy.ts';
import { POINTER_PATH } from '../../../src/protocol/layout.ts';
import { decodePointer } from '../../../src/protocol/pointer.ts';
import { generateKey, refresh, verify } from '../../../src/publisher/index.ts';
import { isSignedBy } from '../../../src/publisher/signing-key.ts';
import { snapshot, Workspace } from './workspace.ts';

const DAY = 24 * 60 * 60;

async function published(ageDays: number): Promise<Workspace> {
  const workspace = await Workspace.create({ 'index.html': '<head></head>' });
  await workspace.publish({ created: Math.floor(Date.now() / 1000) - ageDays * DAY });
  return workspace;
}

const signedIn = async ({ out }: Workspace) => decodePointer(await readFile(join(out, POINTER_PATH)));

describe('a refresh', () => {
  it('signs the same release again for as long as before, so that browsers take it and install nothing', async () => {
    const workspace = await published(100);
    const before = (await signedIn(workspace)).pointer;
    const files = await snapshot(workspace.out);
    const report = await refresh({ out: workspace.out, key: workspace.key.pem });
    const after = await signedIn(workspace);
    expect(isSignedBy(after, workspace.key.publicKey)).toBe(true);
    const { created, expires } = after.pointer;
    expect(after.pointer).toEqual({ ...before, created, expires });
    expect(expires - created).toBe(90 * DAY);
    expect(expires).toBeGreaterThan(Date.now() / 1000 + 89 * DAY);
    expect(report).toMatchObject({ outcome: 'refreshed', sequence: before.sequence, previousExpires: before.expires });
    const changed = await snapshot(workspace.out);
    expect(Object.keys(changed).filter((path) => changed[path] !== files[path])).toEqual([POINTER_PATH]);
    expect(await verify({ out: workspace.out })).toMatchObject({ damage: [] });
    const config = { app: before.app, channel: before.channel, keys: [], development: false };
    const judged = judgePointer(after.pointer, { config, known: before, nowSeconds: Date.now() / 1000 });
    expect(judged).toBe('renewal');
  });

  it('changes nothing when the pointer lasts as long already', async () => {
    const workspace = await published(-1);
    const files = await snapshot(workspace.out);
    expect(await refresh({ out: workspace.out, key: workspace.key.pem })).toMatchObject({ outcome: 'unchanged' });
    expect(await snapshot(workspace.out)).toEqual(files);
  });

  it('keeps the list of files true when the times take more bytes', async () => {
    const workspace = await Workspace.create({ 'index.html': '<head></head>' });
    await workspace.publish({ created: 1000 });
    await refresh({ out: workspace.out, key: workspace.key.pem });
    expect(await verify({ out: workspace.out })).toMatchObject({ damage: [] });
  });

  it('refuses a folder without a release, with a damaged one, and one of another key', async () => {
    const workspace = await published(100);
    const { out } = workspace;
    await expect(refresh({ out, key: generateKey().pem })).rejects.toMatchObject({ code: 'out-other-key' });
    await writeFile(join(out, 'deploy.json'), 'damaged');
    await expect(refresh({ out, key: workspace.key.pem })).rejects.toMatchObject({ code: 'out-damaged' });
    await writeFile(join(out, POINTER_PATH), 'damaged');
    await expect(refresh({ out, key: workspace.key.pem })).rejects.toMatchObject({ code: 'out-damaged' });
    await rm(join(out, POINTER_PATH));
    await expect(refresh({ out, key: workspace.key.pem })).rejects.toMatchObject({ code: 'out-foreign' });
  });
});
