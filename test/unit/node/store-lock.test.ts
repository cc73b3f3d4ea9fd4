import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreLock } from '../../../src/node/store-lock.ts';

let folder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabseed-lock-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** A process that holds the lock as a seed does, without the seed. */
async function holder(): Promise<ChildProcess> {
  const program = "require('node:net').createServer().listen(process.argv[1], () => console.log('held'))";
  const child = spawn(process.execPath, ['-e', program, join(folder, 'lock')], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

describe('the lock of a store', () => {
  it('is held by one at a time, and free again when it is released', async () => {
    const lock = await StoreLock.take(folder);
    await expect(StoreLock.take(folder)).rejects.toMatchObject({ code: 'store-locked' });
    await lock.release();
    await (await StoreLock.take(folder)).release();
  });

  it('outlives nobody: after kill -9 of its holder one of several gets it', async () => {
    const child = await holder();
    await expect(StoreLock.take(folder)).rejects.toMatchObject({ code: 'store-locked' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await readdir(folder)).toEqual(['lock']);
    const taken = await Promise.allSettled([1, 2, 3, 4].map(() => StoreLock.take(folder)));
    const locks = taken.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(locks.length).toBe(1);
    await locks[0]?.release();
  });

  it('counts for as long as its holder lives where another process has moved it aside and ended', async () => {
    const child = await holder();
    await rename(join(folder, 'lock'), join(folder, 'lock.1234'));
    await expect(StoreLock.take(folder)).rejects.toMatchObject({ code: 'store-locked' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = await StoreLock.take(folder);
    expect(await readdir(folder)).toEqual(['lock']);
    await lock.release();
  });

  it('holds for a folder whose path is longer than that of a socket may be', async () => {
    const deep = join(folder, 'deep'.repeat(30));
    await mkdir(deep);
    const lock = await StoreLock.take(deep);
    await expect(StoreLock.take(deep)).rejects.toMatchObject({ code: 'store-locked' });
    await lock.release();
  });
});
