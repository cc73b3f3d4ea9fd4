import { describe, expect, it } from 'vitest';
import { LOOK_INTERVAL_MS, StoreKeeper, type StoreKeeperPorts } from '../../../src/client/store-keeper.ts';
import { StoreError } from '../../../src/core/errors.ts';
import { MAX_UNUSED_MS } from '../../../src/protocol/figures-record.ts';
import type { ChunkId } from '../../../src/protocol/identifier.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { randomFiles, tinyRelease } from '../../fakes/tiny-release.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const KIB = 1024;

async function keeping(options: Partial<StoreKeeperPorts> & { quota?: number } = {}) {
  const files = randomFiles(new SeededRandom(testSeed()), [1000 * KIB]);
  const { manifest } = tinyRelease({ sequence: 1, files, chunkBytes: 100 * KIB, chunksPerPack: 99, deflate: false });
  const store = new MemoryStore();
  const ids = manifest.packs.flatMap(({ chunks }) => chunks.map(({ id }) => id));
  await store.put(new Map(ids.map((id) => [id, { encoding: 'identity', bytes: new Uint8Array(8) }])));
  const clock = new VirtualClock();
  const asked: string[] = [];
  const keeper = new StoreKeeper({
    clock,
    store,
    manifests: () => [manifest],
    copiesOf: () => 0,
    uses: () => Promise.resolve(undefined),
    now: () => 0,
    drop: (chunks: readonly ChunkId[]) => store.delete(chunks),
    otherBytes: () => Promise.resolve(0),
    storage: {
      estimate: () => Promise.resolve({ quota: options.quota ?? 1e12 }),
      persisted: () => Promise.resolve(false),
      persist: () => {
        asked.push('persist');
        return Promise.resolve(true);
      },
    },
    isInstalled: () => false,
    ...options,
  });
  return { keeper, store, clock, asked };
}

describe('the keeper of the store', () => {
  it('brings it below half of the quota, a minute after the start and each minute', async () => {
    const { keeper, store, clock } = await keeping({ quota: 1000 * KIB });
    await clock.advance(LOOK_INTERVAL_MS - 1);
    expect(store.chunks.size).toBe(10);
    await clock.advance(1);
    expect(store.chunks.size).toBe(4);
    await store.put(new Map([['ab'.repeat(32), { encoding: 'identity', bytes: new Uint8Array(8) }]]));
    await clock.advance(LOOK_INTERVAL_MS);
    expect(store.chunks.size).toBe(5);
    await clock.advance(LOOK_INTERVAL_MS);
    expect(store.chunks.size).toBe(4);
    keeper.close();
    await clock.advance(10 * LOOK_INTERVAL_MS);
  });

  it('lets go of what no page has used for a month, at the second look', async () => {
    const files = randomFiles(new SeededRandom(testSeed()), [300 * KIB]);
    const { manifest } = tinyRelease({ sequence: 1, files, chunkBytes: 100 * KIB, chunksPerPack: 99, deflate: false });
    const lazy = { ...manifest, settings: '{"lazy":["."]}' };
    const uses = new Map([['0.bin', 1000]]);
    let nowMs = 1000 + MAX_UNUSED_MS;
    const { store, clock } = await keeping({
      manifests: () => [lazy],
      uses: () => Promise.resolve(uses),
      now: () => nowMs,
    });
    store.chunks.clear();
    const ids = manifest.packs.flatMap(({ chunks }) => chunks.map(({ id }) => id));
    await store.put(new Map(ids.map((id) => [id, { encoding: 'identity', bytes: new Uint8Array(8) }])));
    await clock.advance(2 * LOOK_INTERVAL_MS);
    expect(store.chunks.size).toBe(3);
    nowMs += 1;
    await clock.advance(LOOK_INTERVAL_MS);
    expect(store.chunks.size).toBe(3);
    await clock.advance(LOOK_INTERVAL_MS);
    expect(store.chunks.size).toBe(0);
  });

  it('counts what of the app lies beside the store', async () => {
    const { store, clock } = await keeping({ quota: 2000 * KIB, otherBytes: () => Promise.resolve(500 * KIB) });
    await clock.advance(LOOK_INTERVAL_MS);
    expect(store.chunks.size).toBe(4);
  });

  it('asks the browser not to wipe it once, and only where the user has installed the app', async () => {
    const visited = await keeping();
    await visited.clock.advance(3 * LOOK_INTERVAL_MS);
    expect(visited.asked).toEqual([]);
    const installed = await keeping({ isInstalled: () => true });
    await installed.clock.advance(3 * LOOK_INTERVAL_MS);
    expect(installed.asked).toEqual(['persist']);
  });

  it('goes on where the browser tells nothing of its storage, or refuses', async () => {
    const silent = await keeping({ storage: undefined, isInstalled: () => true });
    await silent.clock.advance(LOOK_INTERVAL_MS);
    expect(silent.store.chunks.size).toBe(10);
    const broken = await keeping({ quota: 1000 * KIB });
    broken.store.failure = new StoreError('store-unavailable', 'gone');
    await broken.clock.advance(LOOK_INTERVAL_MS);
    broken.store.failure = undefined;
    await broken.clock.advance(LOOK_INTERVAL_MS);
    expect(broken.store.chunks.size).toBe(4);
  });
});
