import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DiskStore } from '../../src/node/disk-store.ts';
import { MemoryStore } from '../fakes/memory-store.ts';
import { storeContract } from './store-contract.ts';

const folders: string[] = [];

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tabseed-store-'));
  folders.push(folder);
  return folder;
}

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

describe('the memory store', () => {
  it.each(storeContract)('$name', async ({ run }) => {
    const store = new MemoryStore();
    await run({ store, reopen: () => Promise.resolve(store), endsAtClose: false });
  });
});

describe('the disk store', () => {
  it.each(storeContract)('$name', async ({ run }) => {
    const folder = await newFolder();
    const store = await DiskStore.open(folder);
    const reopen = async () => {
      await store.close();
      return DiskStore.open(folder);
    };
    await run({ store, reopen, endsAtClose: true });
  });

  const ID = 'ab'.repeat(32);

  it('sweeps away what a crash left half-written, and does not list what is no chunk', async () => {
    const folder = await newFolder();
    await (await DiskStore.open(folder)).put(new Map([[ID, { encoding: 'identity', bytes: Uint8Array.of(1) }]]));
    await writeFile(join(folder, 'chunks', 'ab', `${ID}.0.part`), 'half');
    await writeFile(join(folder, 'chunks', 'ab', 'notes.txt'), 'hello');
    const store = await DiskStore.open(folder);
    expect(await store.list()).toEqual([ID]);
    expect(await readdir(join(folder, 'chunks', 'ab'))).toEqual([ID, 'notes.txt']);
  });

  it('takes a file with an encoding that it does not know for missing', async () => {
    const folder = await newFolder();
    const store = await DiskStore.open(folder);
    await store.put(new Map([[ID, { encoding: 'identity', bytes: Uint8Array.of(1) }]]));
    await writeFile(join(folder, 'chunks', 'ab', ID), Uint8Array.of(200, 1, 2));
    expect(await store.get([ID])).toEqual([undefined]);
    await writeFile(join(folder, 'chunks', 'ab', ID), '');
    expect(await store.get([ID])).toEqual([undefined]);
  });

  it('never takes more than its limit, counted in blocks, also after it was opened again', async () => {
    const folder = await newFolder();
    const chunk = (length: number) => ({ encoding: 'identity', bytes: new Uint8Array(length) }) as const;
    const [first, second, third] = ['aa', 'bb', 'cc'].map((byte) => byte.repeat(32)) as [string, string, string];
    const store = await DiskStore.open(folder, 3 * 4096);
    await store.put(new Map([[first, chunk(4096)]]));
    expect(store.diskBytesOf(first)).toBe(2 * 4096);
    await expect(store.put(new Map([[second, chunk(4096)]]))).rejects.toMatchObject({ code: 'disk-limit' });
    await store.put(new Map([[second, chunk(100)]]));
    await store.close();

    const again = await DiskStore.open(folder, 3 * 4096);
    await expect(again.put(new Map([[third, chunk(1)]]))).rejects.toMatchObject({ code: 'disk-limit' });
    expect((await again.list()).sort()).toEqual([first, second]);
    await again.delete([second]);
    await again.put(new Map([[third, chunk(1)]]));
    await again.put(new Map([[first, chunk(10)]]));
    expect([first, second, third].map((id) => again.diskBytesOf(id))).toEqual([4096, 0, 4096]);
  });

  it('says store-unavailable when its folder cannot be made, and keeps nothing of a put that failed', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'file'), '');
    await expect(DiskStore.open(join(folder, 'file'))).rejects.toMatchObject({ code: 'store-unavailable' });

    const store = await DiskStore.open(folder);
    const blocked = 'cd'.repeat(32);
    await writeFile(join(folder, 'chunks', 'cd'), 'a file where the folder of a chunk should be');
    const chunk = { encoding: 'identity', bytes: Uint8Array.of(1) } as const;
    const both = new Map([
      [ID, chunk],
      [blocked, chunk],
    ]);
    await expect(store.put(both)).rejects.toMatchObject({ code: 'store-unavailable' });
    expect(await store.list()).toEqual([]);
  });
});
