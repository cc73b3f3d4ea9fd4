import { createCipheriv } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { MAX_PACK_BYTES } from '../../../src/protocol/limits.ts';
import { packBytes } from '../../../src/protocol/manifest.ts';
import { ContentBuilder } from '../../../src/publisher/content-builder.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const CHUNKING = { minimumBytes: 16 * KIB, averageBytes: 32 * KIB, maximumBytes: 128 * KIB };
const PIECE_BYTES = 256 * KIB;
const FILE_BYTES = 200 * MIB;
/** Each eighth piece is noise, the others are empty. */
const NOISE_EVERY = 8;

it('packs a file of 200 MiB while it holds little more than a MiB of it', async () => {
  const root = await mkdtemp(join(tmpdir(), 'tabseed-content-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'tabseed'));
  const key = new SeededRandom(testSeed()).bytes(16);
  const noise = createCipheriv('aes-128-ctr', key, key);
  let noiseTaken = 0;
  let mostHeld = 0;

  async function* sparseFile() {
    const empty = new Uint8Array(PIECE_BYTES);
    for (let index = 0; index < FILE_BYTES / PIECE_BYTES; index += 1) {
      // Noise is packed as it is: what was taken and is in no pack yet is in memory.
      const written = (await packSizes(root)).reduce((sum, size) => sum + size, 0);
      mostHeld = Math.max(mostHeld, noiseTaken - written);
      const isNoise = index % NOISE_EVERY === 0;
      if (isNoise) noiseTaken += PIECE_BYTES;
      yield isNoise ? noise.update(empty) : empty;
    }
  }

  const builder = new ContentBuilder(root, CHUNKING, []);
  const file = await builder.addFile(sparseFile());
  const content = await builder.finish([file]);
  await builder.close();

  expect(mostHeld).toBeLessThan(9 * CHUNKING.maximumBytes + 2 * PIECE_BYTES);
  expect(file.plainBytes).toBe(FILE_BYTES);
  expect(file.chunks.length).toBeGreaterThan(new Set(file.chunks).size);
  expect(content.packs.length).toBeGreaterThan(1);
  expect((await packSizes(root)).sort()).toEqual(content.packs.map(packBytes).sort());
  for (const size of await packSizes(root)) expect(size).toBeLessThanOrEqual(MAX_PACK_BYTES);
  const chunksInRuns = content.runsOf(file).reduce((sum, { count }) => sum + count, 0);
  expect(chunksInRuns).toBe(file.chunks.length);
}, 60_000);

async function packSizes(root: string): Promise<number[]> {
  const folder = join(root, 'tabseed');
  return await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size));
}
