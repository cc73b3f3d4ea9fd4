import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { SwarmWorld, type WorldEngine } from '../../fakes/swarm-world.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { randomFiles, type TinyRelease, tinyRelease } from '../../fakes/tiny-release.ts';

const KIB = 1024;
const FILE_BYTES = 4096 * KIB;

interface Scene {
  readonly world: SwarmWorld;
  readonly release: TinyRelease;
  readonly seed: WorldEngine;
}

/** A seed that has everything, and no origin any more. */
async function scene(seedPolicy: { readonly uploadBytesPerSecond?: number } = {}): Promise<Scene> {
  const world = new SwarmWorld(testSeed());
  const files = randomFiles(new SeededRandom(testSeed()), [FILE_BYTES]);
  const release = tinyRelease({ sequence: 1, files, chunkBytes: 64 * KIB, chunksPerPack: 64, deflate: false });
  world.publish(release);
  const seed = await world.join([release], { policy: seedPolicy });
  await seed.mirror(release);
  return { world, release, seed };
}

describe('a peer that uploads nothing', () => {
  it('stops at once, tells the others, downloads on, and gives again when it may', async () => {
    const { world, release, seed } = await scene();
    const taker = await world.join([release], { link: { latencyMs: 10, bytesPerSecond: 1_000_000 } });
    const fetch = taker.fetchFile(release, '0.bin', 'bulk');
    await world.clock.runUntil(() => taker.traffic.plain.peers > 256 * KIB);
    seed.swarm.setUploading(false);
    const given = seed.traffic.plain.uploaded;
    await world.clock.runUntil(() => fetch.done);
    expect(seed.traffic.plain.uploaded).toBe(given);
    // What was in the link's queue arrives; the rest comes from the origin.
    expect(taker.traffic.plain.peers).toBe(given);
    expect(taker.traffic.plain.origin).toBe(FILE_BYTES - given);
    expect(taker.bans).toEqual([]);
    expect([seed.swarm.peerCount, taker.swarm.peerCount]).toEqual([1, 1]);

    seed.swarm.setUploading(true);
    const before = world.origin.servedBytes;
    const third = await world.join([release]);
    await third.mirror(release);
    expect(world.origin.servedBytes).toBe(before);
    expect(third.traffic.plain.peers).toBe(FILE_BYTES);
  });

  it('is asked for nothing by those who come later, and still takes from them', async () => {
    const { world, release, seed } = await scene();
    const mean = await world.join([release]);
    mean.swarm.setUploading(false);
    await mean.mirror(release);
    expect(mean.traffic.plain).toMatchObject({ peers: FILE_BYTES, origin: 0 });
    await seed.swarm.close();
    const late = await world.join([release]);
    await late.mirror(release);
    expect(late.traffic.plain).toMatchObject({ peers: 0, origin: FILE_BYTES });
    expect(mean.traffic.plain.uploaded).toBe(0);
  });
});

describe('a peer with an upload cap', () => {
  it('gives all its takers together no more than the cap, and none of them leaves it as stalled', async () => {
    const cap = 400_000;
    const { world, release, seed } = await scene({ uploadBytesPerSecond: cap });
    // The swarm would rather go to the origin than be served so slowly.
    const patient = { minimumPeerBytesPerSecond: 0 };
    const takers = [await world.join([release], { policy: patient }), await world.join([release], { policy: patient })];
    await world.clock.runUntil(() => seed.swarm.peerCount === 2 && takers.every(({ swarm }) => swarm.peerCount === 2));
    await world.clock.advance(100);
    const fetches = takers.map((taker) => taker.fetchFile(release, '0.bin', 'bulk'));
    const start = world.clock.now();
    const before = world.origin.servedBytes;
    await world.clock.advance(5000);
    const uploaded = seed.traffic.wire.uploaded;
    expect(uploaded).toBeLessThanOrEqual(cap * 5 + cap / 8);
    expect(uploaded).toBeGreaterThan(cap * 5 * 0.9);
    await world.clock.runUntil(() => fetches.every(({ done }) => done));
    // Each taker has half of the file from the seed and the other half from the other taker.
    expect(world.clock.now() - start).toBeGreaterThan((FILE_BYTES / cap) * 1000 * 0.95);
    expect(world.origin.servedBytes).toBe(before);
  });
});
