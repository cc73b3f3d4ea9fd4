import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SwarmWorld } from '../fakes/swarm-world.ts';
import { testSeed } from '../fakes/test-seed.ts';
import { randomFiles, tinyRelease } from '../fakes/tiny-release.ts';

const ENGINES = 50;
const LOST_FRAMES = 0.002;
const ARRIVAL_SPREAD_MS = 5000;

interface Outcome {
  readonly trace: string;
  readonly originBytes: number;
  readonly releaseBytes: number;
}

/** Fifty engines join within five seconds and mirror one release; frames are lost and connections break. */
async function run(seed: number): Promise<Outcome> {
  const world = new SwarmWorld(seed);
  const files = randomFiles(world.random, [600 * 1024, 90 * 1024, 1500 * 1024, 1]);
  const release = tinyRelease({ sequence: 1, files, chunkBytes: 64 * 1024, chunksPerPack: 16, deflate: false });
  world.publish(release);
  const trace = createHash('sha256');
  for (let index = 0; index < ENGINES; index += 1) {
    await world.clock.advance(world.random.below(ARRIVAL_SPREAD_MS / ENGINES));
    const engine = await world.join([release], {
      link: { latencyMs: 5 + world.random.below(95), bytesPerSecond: 200_000 + world.random.below(2_000_000) },
    });
    for (const link of world.network.links) {
      // A channel is reliable: what the network loses shows as a connection that breaks.
      link.tamper ??= (frame) => {
        if (world.random.next() < LOST_FRAMES) link.kill();
        return frame;
      };
    }
    void engine.mirror(release).then(() => {
      trace.update(`${world.clock.now().toFixed(3)} ${index} ${JSON.stringify(engine.traffic)}\n`);
    });
  }
  const complete = release.manifest.packs.flatMap((pack) => pack.chunks).length;
  await world.clock.runUntil(() => world.engines.every((engine) => engine.store.chunks.size === complete));
  await world.clock.advance(200);
  for (const engine of world.engines) expect(engine.bans).toEqual([]);
  const releaseBytes = [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  return { trace: trace.digest('hex'), originBytes: world.origin.servedBytes, releaseBytes };
}

describe('fifty engines with breaking connections', () => {
  it('all complete, byte for byte, and the same seed gives the same trace', async () => {
    const seed = testSeed();
    const first = await run(seed);
    const second = await run(seed);
    expect(second.trace).toBe(first.trace);
    expect(first.originBytes).toBeLessThan(first.releaseBytes * ENGINES);
  });

  it('give another trace for another seed', async () => {
    const seed = testSeed();
    expect((await run(seed)).trace).not.toBe((await run(seed + 1)).trace);
  });
});
