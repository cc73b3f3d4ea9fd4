import { expect, it } from 'vitest';
import { StoreWriter, WRITE_AT_ONCE_BYTES } from '../../../src/core/store-writer.ts';
import { silentLog } from '../../../src/platform/log.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

it('a writer writes what is left after a pause, also when the pause found a slow write under way', async () => {
  const clock = new VirtualClock();
  const store = new MemoryStore();
  const put = store.put.bind(store);
  store.put = async (chunks) => {
    await new Promise<void>((resolve) => clock.after(1000, resolve));
    await put(chunks);
  };
  const writer = new StoreWriter({ store, clock, log: silentLog() }, WRITE_AT_ONCE_BYTES, () => undefined);
  const add = (id: string, length: number) => writer.add(id, { encoding: 'identity', bytes: new Uint8Array(length) });
  add('a', WRITE_AT_ONCE_BYTES);
  add('b', 1000);
  await clock.advance(5000);
  expect((await store.list()).sort()).toEqual(['a', 'b']);
  expect(writer.pendingBytes).toBe(0);
});

it('a writer says when nothing waits any more, also to who waits while more comes as the last is written', async () => {
  const clock = new VirtualClock();
  const writer = new StoreWriter(
    { store: new MemoryStore(), clock, log: silentLog() },
    WRITE_AT_ONCE_BYTES,
    // In the turn in which the first is written.
    ([id]) => {
      if (id === 'a') void Promise.resolve().then(() => add('b'));
    },
  );
  const add = (id: string) => writer.add(id, { encoding: 'identity', bytes: new Uint8Array(1000) });
  await writer.whenWritten;
  add('a');
  const written = writer.whenWritten.then(() => writer.pendingBytes);
  await clock.advance(1000);
  expect(await written).toBe(0);
});
