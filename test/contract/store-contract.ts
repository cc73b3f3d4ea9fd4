import type { ChunkStore, StoredChunk } from '../../src/core/ports.ts';
import { type ContractCase, equal, ok, patterned, rejects } from './contract.ts';

export interface StoreSubject {
  /** An empty store. */
  readonly store: ChunkStore;
  /** Closes the store and opens it again. */
  readonly reopen: () => Promise<ChunkStore>;
  /** True when calls after `close` reject. */
  readonly endsAtClose: boolean;
}

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const C = 'c'.repeat(64);

function chunk(seed: number, length = 1000): StoredChunk {
  return { encoding: seed % 2 === 0 ? 'identity' : 'deflate-raw', bytes: patterned(length, seed) };
}

export const storeContract: readonly ContractCase<StoreSubject>[] = [
  {
    name: 'is empty at first and gives nothing for an id that it does not have',
    run: async ({ store }) => {
      equal(await store.list(), []);
      equal(await store.get([A]), [undefined]);
    },
  },
  {
    name: 'gives back what was put, in the order of the ids, with gaps for what is missing',
    run: async ({ store }) => {
      await store.put(new Map([[A, chunk(1)]]).set(B, chunk(2)));
      equal(await store.get([B, C, A]), [chunk(2), undefined, chunk(1)]);
      equal((await store.list()).sort(), [A, B]);
    },
  },
  {
    name: 'keeps only the view of a larger buffer',
    run: async ({ store }) => {
      const bytes = patterned(100_000).subarray(50_000, 50_100);
      await store.put(new Map([[A, { encoding: 'identity', bytes }]]));
      const [read] = await store.get([A]);
      equal(read?.bytes, bytes);
      ok((read?.bytes.buffer.byteLength ?? 0) < 1000, 'the rest of the buffer was not kept');
    },
  },
  {
    name: 'replaces a chunk that is put again and ignores the deletion of one that is missing',
    run: async ({ store }) => {
      await store.put(new Map([[A, chunk(1)]]));
      await store.put(new Map([[A, chunk(2, 20)]]));
      equal(await store.get([A]), [chunk(2, 20)]);
      await store.delete([A, B]);
      equal(await store.list(), []);
      equal(await store.get([A]), [undefined]);
    },
  },
  {
    name: 'takes chunks of 256 KiB, many at once and from many calls in parallel',
    run: async ({ store }) => {
      const ids = Array.from({ length: 24 }, (_, index) => index.toString(16).padStart(64, '0'));
      const batches = [ids.slice(0, 8), ids.slice(8, 16), ids.slice(16)];
      await Promise.all(
        batches.map((batch) => store.put(new Map(batch.map((id) => [id, chunk(Number.parseInt(id, 16), 256 * 1024)])))),
      );
      equal((await store.list()).sort(), ids);
      equal(
        await store.get(ids),
        ids.map((id) => chunk(Number.parseInt(id, 16), 256 * 1024)),
      );
    },
  },
  {
    name: 'does nothing for no ids',
    run: async ({ store }) => {
      await store.put(new Map());
      await store.delete([]);
      equal(await store.get([]), []);
    },
  },
  {
    name: 'still has its chunks when it is opened again',
    run: async ({ store, reopen }) => {
      await store.put(new Map([[A, chunk(5)]]));
      const again = await reopen();
      equal(await again.list(), [A]);
      equal(await again.get([A]), [chunk(5)]);
    },
  },
  {
    name: 'rejects with store-unavailable after its end, if it ends',
    run: async ({ store, endsAtClose }) => {
      await store.close();
      if (endsAtClose) await rejects(store.get([A]), 'store-unavailable');
    },
  },
];
