import { describe, expect, it } from 'vitest';
import type { MemoryLink } from '../fakes/memory-link.ts';
import type { SeededRandom } from '../fakes/seeded-random.ts';
import { type FileFetch, SwarmWorld, type WorldEngine } from '../fakes/swarm-world.ts';
import { testSeed } from '../fakes/test-seed.ts';
import { randomFiles, tinyRelease } from '../fakes/tiny-release.ts';

const ENGINES = 50;
const LOST_FRAMES = 0.002;
const ARRIVAL_SPREAD_MS = 5000;

/** Virtual time for two runs of fifty engines is nothing; the real work behind it is some seconds of a busy machine. */
const TIMEOUT_MS = 60_000;

interface Outcome {
  /** When each engine was complete, and what it had moved. */
  readonly trace: string;
  readonly originBytes: number;
  readonly releaseBytes: number;
}

/** Fifty engines join within five seconds and fetch one release; frames are lost and connections break. */
async function run(seed: number): Promise<Outcome> {
  const world = new SwarmWorld(seed);
  const files = randomFiles(world.random, [600 * 1024, 90 * 1024, 1500 * 1024, 1]);
  const release = tinyRelease({ sequence: 1, files, chunkBytes: 64 * 1024, chunksPerPack: 16, deflate: false });
  world.publish(release);
  const downloads: { engine: WorldEngine; fetches: FileFetch[]; completeAtMs: number | undefined }[] = [];
  for (let index = 0; index < ENGINES; index += 1) {
    await world.clock.advance(world.random.below(ARRIVAL_SPREAD_MS / ENGINES));
    const engine = await world.join([release], {
      link: { latencyMs: 5 + world.random.below(95), bytesPerSecond: 200_000 + world.random.below(2_000_000) },
    });
    const fetches = release.manifest.files.map(({ path }) => engine.fetchFile(release, path, 'bulk'));
    downloads.push({ engine, fetches, completeAtMs: undefined });
  }
  await world.clock.runUntil(() => {
    // A channel is reliable: what the network loses shows as a connection that breaks.
    for (const link of world.network.links) link.tamper ??= losing(link, world.random);
    for (const download of downloads) {
      if (download.fetches.every(({ done }) => done)) download.completeAtMs ??= world.clock.now();
    }
    return downloads.every(({ completeAtMs }) => completeAtMs !== undefined);
  });
  for (const { engine, fetches } of downloads) {
    expect(engine.bans).toEqual([]);
    expect(fetches.map(({ hash }) => hash)).toEqual(release.manifest.files.map(({ hash }) => hash));
  }
  return {
    trace: JSON.stringify(downloads.map(({ engine, completeAtMs }) => [completeAtMs, engine.traffic])),
    originBytes: world.origin.servedBytes,
    releaseBytes: [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0),
  };
}

function losing(link: MemoryLink, random: SeededRandom): (frame: Uint8Array) => Uint8Array {
  return (frame) => {
    if (random.next() < LOST_FRAMES) link.kill();
    return frame;
  };
}

describe('fifty engines with breaking connections', { timeout: TIMEOUT_MS }, () => {
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
