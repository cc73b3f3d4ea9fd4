import { expect, it } from 'vitest';
import { StoreError } from '../../../src/core/errors.ts';
import type { StoredChunk } from '../../../src/core/ports.ts';
import type { ChunkId } from '../../../src/protocol/identifier.ts';
import { chunksOfFile, type PackedChunk, type ReleaseFile } from '../../../src/protocol/manifest.ts';
import { StoreSource } from '../../../src/sw/store-source.ts';
import { TolerantStore } from '../../../src/sw/tolerant-store.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { syncCodec } from '../../fakes/sync-codec.ts';
import { syncDigest } from '../../fakes/sync-digest.ts';
import { tinyRelease } from '../../fakes/tiny-release.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const BYTES = new SeededRandom(3).bytes(4096);
const files = new Map([['a.bin', BYTES]]);
const { manifest } = tinyRelease({ sequence: 1, files, chunkBytes: 1024, chunksPerPack: 4, deflate: false });
const CHUNKS = chunksOfFile(manifest, manifest.files[0] as ReleaseFile);

async function filledStore(): Promise<MemoryStore> {
  const store = new MemoryStore();
  const stored = CHUNKS.map((chunk, index) => {
    const bytes = BYTES.subarray(index * 1024, (index + 1) * 1024);
    return [chunk.id, { encoding: 'identity', bytes }] as const;
  });
  await store.put(new Map(stored));
  return store;
}

async function take(
  store: MemoryStore,
  clock = new VirtualClock(),
  tolerant = tolerantStore(store, clock),
  waiting = new Map<ChunkId, StoredChunk>(),
) {
  const delivered: PackedChunk[] = [];
  let countedBytes = 0;
  const count = (bytes: number) => {
    countedBytes += bytes;
  };
  const source = new StoreSource({
    ...{ store: tolerant, digest: syncDigest(), codec: syncCodec(), count },
    unwritten: (id) => waiting.get(id),
  });
  const deliver = (chunk: PackedChunk) => void delivered.push(chunk);
  const left = await source.take(CHUNKS, { urgency: 'bulk', signal: new AbortController().signal, deliver });
  return { left, delivered, countedBytes };
}

function tolerantStore(store: MemoryStore, clock: VirtualClock): TolerantStore {
  return new TolerantStore(store, clock);
}

it('gives what is stored, and counts it', async () => {
  expect(await take(await filledStore())).toEqual({ left: [], delivered: CHUNKS, countedBytes: 4096 });
});

it('gives what is still to be written', async () => {
  const { store, clock } = { store: new MemoryStore(), clock: new VirtualClock() };
  const waiting = (await filledStore()).chunks;
  expect(await take(store, clock, tolerantStore(store, clock), waiting)).toMatchObject({ left: [], delivered: CHUNKS });
});

it('gives back a chunk that is damaged, and deletes it', async () => {
  const store = await filledStore();
  const [, second] = CHUNKS as [PackedChunk, PackedChunk];
  store.damage(second.id);
  const { left, delivered } = await take(store);
  expect(left).toEqual([second]);
  expect(delivered).not.toContain(second);
  expect(store.chunks.has(second.id)).toBe(false);
});

it('is empty while the database fails, and is asked again after ten seconds', async () => {
  const store = await filledStore();
  const clock = new VirtualClock();
  const tolerant = tolerantStore(store, clock);
  store.failure = new StoreError('store-unavailable', 'lost');
  expect((await take(store, clock, tolerant)).left).toEqual(CHUNKS);
  store.failure = undefined;
  expect((await take(store, clock, tolerant)).left).toEqual(CHUNKS);
  await clock.advance(10_000);
  expect((await take(store, clock, tolerant)).left).toEqual([]);
});
