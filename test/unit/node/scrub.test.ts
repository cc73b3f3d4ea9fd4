import { expect, it } from 'vitest';
import { Catalog } from '../../../src/core/catalog.ts';
import { ObservedStore } from '../../../src/node/observed-store.ts';
import { Scrub } from '../../../src/node/scrub.ts';
import { silentLog } from '../../../src/platform/log.ts';
import { patterned } from '../../contract/contract.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { syncCodec } from '../../fakes/sync-codec.ts';
import { syncDigest } from '../../fakes/sync-digest.ts';
import { tinyRelease } from '../../fakes/tiny-release.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

it('a scrub finds damaged chunks that nobody asks for, tells of them, and looks again a day later', async () => {
  const files = new Map([['data.bin', patterned(4000)]]);
  const { manifest } = tinyRelease({ sequence: 1, files, chunkBytes: 100, chunksPerPack: 64, deflate: false });
  const bytes = patterned(4000);
  const ids = manifest.packs.flatMap(({ chunks }) => chunks.map(({ id }) => id));
  const memory = new MemoryStore();
  const chunkOf = (index: number) => bytes.slice(index * 100, index * 100 + 100);
  await memory.put(new Map(ids.map((id, index) => [id, { encoding: 'identity', bytes: chunkOf(index) }])));
  const damage = (index: number) =>
    memory.put(
      new Map([[ids[index] as string, { encoding: 'identity', bytes: chunkOf(index).map((byte) => byte ^ 1) }]]),
    );

  const store = new ObservedStore(memory);
  const lost: string[] = [];
  store.observer = { onStored: () => undefined, onRefused: () => undefined, onLost: (some) => lost.push(...some) };
  await store.list();
  const clock = new VirtualClock();
  const catalog = new Catalog([manifest]);
  const options = { store, digest: syncDigest(), codec: syncCodec(), clock, log: silentLog(), catalog: () => catalog };
  const scrub = new Scrub(options);
  await damage(3);
  await damage(39);
  scrub.start();
  await clock.advance(1500);
  expect(lost).toEqual([ids[3]]);
  await clock.advance(10_000);
  expect(lost).toEqual([ids[3], ids[39]]);
  expect((await memory.list()).length).toBe(38);

  await damage(7);
  await clock.advance(23 * 3_600_000);
  expect(lost.length).toBe(2);
  await clock.advance(2 * 3_600_000);
  expect(lost).toEqual([ids[3], ids[39], ids[7]]);
  scrub.close();
  await damage(8);
  await clock.advance(48 * 3_600_000);
  expect(lost.length).toBe(3);
});
