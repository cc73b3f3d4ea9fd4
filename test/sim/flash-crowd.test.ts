import { describe, expect, it } from 'vitest';
import { type FileFetch, SwarmWorld } from '../fakes/swarm-world.ts';
import { testSeed } from '../fakes/test-seed.ts';
import { randomFiles, tinyRelease } from '../fakes/tiny-release.ts';

const FILE_BYTES = 16 * 1024 * 1024;
const LINK = { latencyMs: 5, bytesPerSecond: 10_000_000 };
/** Virtual time; the real work behind it is a few seconds of a busy machine. */
const TIMEOUT_MS = 60_000;

/** Origin bytes per byte of the file when `peers` fetch it, one every `staggerMs`. */
async function copies(peers: number, staggerMs: number): Promise<number> {
  const world = new SwarmWorld(testSeed());
  const files = randomFiles(world.random, [FILE_BYTES]);
  const release = tinyRelease({ sequence: 1, files, chunkBytes: 64 * 1024, chunksPerPack: 256, deflate: false });
  world.publish(release);
  const fetches: FileFetch[] = [];
  for (let index = 0; index < peers; index += 1) {
    await world.clock.advance(staggerMs);
    const engine = await world.join([release], { link: LINK });
    fetches.push(...release.manifest.files.map(({ path }) => engine.fetchFile(release, path, 'bulk')));
  }
  await world.clock.runUntil(() => fetches.every(({ done }) => done));
  for (const { hash } of fetches) expect(hash).toBe(release.manifest.files[0]?.hash);
  return world.origin.servedBytes / FILE_BYTES;
}

describe('peers that want one file', { timeout: TIMEOUT_MS }, () => {
  it.each([
    [6, 0],
    [6, 800],
    [30, 0],
  ])('take about one copy from the origin between them: %i, one every %i ms', async (peers, staggerMs) => {
    expect(await copies(peers, staggerMs)).toBeLessThanOrEqual(1.05);
  });
});
