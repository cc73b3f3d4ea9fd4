import { OriginError } from '../../../src/core/errors.ts';
import type { SeededRandom } from '../../fakes/seeded-random.ts';
import { SwarmWorld } from '../../fakes/swarm-world.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { randomFiles, type TinyRelease, tinyRelease } from '../../fakes/tiny-release.ts';

export const KIB = 1024;
/** What an origin fails with that is away. */
export const MISSING = new OriginError('origin-status', 'gone', { status: 503 });

export function release(random: SeededRandom, lengths: readonly number[], sequence = 1): TinyRelease {
  const files = randomFiles(random, lengths);
  return tinyRelease({ sequence, files, chunkBytes: 64 * KIB, chunksPerPack: 16, deflate: false });
}

/** A world with an origin that has one release, of files of these lengths. */
export function world(lengths: readonly number[] = [900 * KIB]): { world: SwarmWorld; release: TinyRelease } {
  const made = new SwarmWorld(testSeed());
  const published = release(made.random, lengths);
  made.publish(published);
  return { world: made, release: published };
}
