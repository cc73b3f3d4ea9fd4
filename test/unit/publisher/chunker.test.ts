import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chunking } from '../../../src/protocol/manifest.ts';
import { chunksOf } from '../../../src/publisher/chunker.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { sha256 } from './workspace.ts';

const LARGE_FROM = 2 * 1024 * 1024;
const LARGE: Chunking = { minimumBytes: 1024, averageBytes: 2048, maximumBytes: 8192 };
const SMALL: Chunking = { minimumBytes: 64, averageBytes: 128, maximumBytes: 512 };

describe('content-defined chunking', () => {
  it('gives the same chunks however the bytes arrive, and loses none', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 4000 }),
        fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 5 }),
        async (bytes, pieceSizes) => {
          const whole = await chunkList([bytes]);
          expect(Buffer.concat(whole).equals(bytes)).toBe(true);
          const inPieces = await chunkList(piecesOf(bytes, pieceSizes));
          expect(inPieces.map((chunk) => chunk.length)).toEqual(whole.map((chunk) => chunk.length));
        },
      ),
      { seed: testSeed(), numRuns: 200 },
    );
  });

  it('keeps every chunk but the last between the minimum and the maximum, near the average', async () => {
    const bytes = new SeededRandom(testSeed()).bytes(400_000);
    const lengths = (await chunkList([bytes])).map((chunk) => chunk.length);
    const inner = lengths.slice(0, -1);
    expect(Math.min(...inner)).toBeGreaterThanOrEqual(SMALL.minimumBytes);
    expect(Math.max(...inner)).toBeLessThanOrEqual(SMALL.maximumBytes);
    const average = bytes.length / lengths.length;
    expect(average).toBeGreaterThan(SMALL.averageBytes * 0.9);
    expect(average).toBeLessThan(SMALL.averageBytes * 1.1);
  });

  it('finds almost all chunks again after an insertion', async () => {
    const random = new SeededRandom(testSeed());
    const bytes = random.bytes(200_000);
    const changed = Buffer.concat([bytes.subarray(0, 77_777), Buffer.from('inserted'), bytes.subarray(77_777)]);
    const before = new Set((await chunkList([bytes])).map(sha256));
    const fresh = (await chunkList([changed])).filter((chunk) => !before.has(sha256(chunk)));
    expect(fresh.length).toBeLessThanOrEqual(6);
  });

  it('cuts what follows the first 2 MiB of a file half as finely', async () => {
    const chunks = await chunkList([new SeededRandom(testSeed()).bytes(2 * LARGE_FROM)], LARGE);
    let position = 0;
    const starts = chunks.map((chunk) => {
      position += chunk.length;
      return position - chunk.length;
    });
    const fineCount = starts.findIndex((start) => start >= LARGE_FROM);
    const fine = chunks.slice(0, fineCount);
    const coarse = chunks.slice(fineCount, -1);
    expect(meanLength(fine)).toBeGreaterThan(LARGE.averageBytes * 0.9);
    expect(meanLength(fine)).toBeLessThan(LARGE.averageBytes * 1.1);
    expect(meanLength(coarse)).toBeGreaterThan(LARGE.averageBytes * 1.8);
    expect(meanLength(coarse)).toBeLessThan(LARGE.averageBytes * 2.1);
    expect(Math.min(...coarse.map((chunk) => chunk.length))).toBeGreaterThanOrEqual(LARGE.minimumBytes * 3);
    expect(Math.max(...coarse.map((chunk) => chunk.length))).toBeLessThanOrEqual(LARGE.maximumBytes);
  });

  it('finds a large file again after an insertion at its start', async () => {
    const bytes = new SeededRandom(testSeed()).bytes(2 * LARGE_FROM);
    const before = new Set((await chunkList([bytes], LARGE)).map(sha256));
    const changed = await chunkList([Buffer.alloc(1000, 'inserted'), bytes], LARGE);
    const fresh = changed.filter((chunk) => !before.has(sha256(chunk)));
    // Those of the insertion, and those at the place from which on it is cut less finely: that has moved.
    expect(fresh.length).toBeLessThanOrEqual(20);
  });

  it('cuts a known input where every release has cut it', async () => {
    const bytes = new SeededRandom(1).bytes(2_000);
    const lengths = (await chunkList([bytes])).map((chunk) => chunk.length);
    expect(lengths).toMatchInlineSnapshot(`
      [
        152,
        67,
        119,
        121,
        199,
        101,
        153,
        119,
        120,
        85,
        79,
        76,
        77,
        83,
        71,
        64,
        130,
        138,
        46,
      ]
    `);
  });

  it('cuts bytes that never change at the maximum or the minimum, and stops', async () => {
    const lengths = new Set((await chunkList([new Uint8Array(512 * 20)])).map((chunk) => chunk.length));
    expect(lengths.size).toBe(1);
  });

  it('gives no chunk for an empty file', async () => {
    expect(await chunkList([])).toEqual([]);
  });

  it('hands out chunks before it asks for more than a maximum chunk and a piece', async () => {
    const pieceBytes = 100;
    let taken = 0;
    let given = 0;
    let lead = 0;
    const random = new SeededRandom(testSeed());
    async function* source() {
      for (let piece = 0; piece < 500; piece += 1) {
        lead = Math.max(lead, taken - given);
        taken += pieceBytes;
        yield await Promise.resolve(random.bytes(pieceBytes));
      }
    }
    for await (const chunk of chunksOf(source(), SMALL)) given += chunk.length;
    expect(given).toBe(taken);
    expect(lead).toBeLessThan(SMALL.maximumBytes + pieceBytes);
  });
});

async function chunkList(pieces: readonly Uint8Array[], chunking = SMALL): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of chunksOf(streamOf(pieces), chunking)) chunks.push(chunk);
  return chunks;
}

function meanLength(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0) / chunks.length;
}

async function* streamOf(pieces: readonly Uint8Array[]) {
  for (const piece of pieces) yield await Promise.resolve(piece);
}

function piecesOf(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const size = sizes[pieces.length % sizes.length] ?? 1;
    pieces.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return pieces;
}
