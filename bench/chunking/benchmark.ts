import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, deflateRawSync } from 'node:zlib';
import { chunksOf } from '../../src/publisher/chunker.ts';
import type { Benchmark } from '../benchmark.ts';

const AVERAGES_KIB = [8, 16, 32, 64];
const BROTLI_QUALITY = 9;
const MONACO = 'node_modules/monaco-editor/min';

export const benchmark: Benchmark = {
  summary: 'what an average chunk size costs: bytes of a first load and of an update, against brotli of whole files',
  options: [
    { name: 'from', unit: 'folder', summary: 'the release that is loaded first', default: MONACO },
    { name: 'to', unit: 'folder', summary: 'the release that it is updated to; without it, no update', default: '' },
  ],
  async run(_, { from = MONACO, to = '' }) {
    const whole = brotliBytes(from, new Set());
    const averages: Record<string, object> = {};
    for (const kib of AVERAGES_KIB) {
      const old = await measure(from, kib * 1024);
      const update = to === '' ? {} : await measureUpdate(old, to, kib * 1024);
      averages[`${kib} KiB`] = { firstLoadBytes: sum(old.values()), chunks: old.size, ...update };
      process.stderr.write(`${kib} KiB ${JSON.stringify(averages[`${kib} KiB`])}\n`);
    }
    const updateBrotliBytes = to === '' ? {} : { updateBrotliBytes: brotliBytes(to, whole.hashes).bytes };
    return { brotliBytes: whole.bytes, ...updateBrotliBytes, averages };
  },
};

/** Deflated bytes of each distinct chunk. */
async function measure(folder: string, averageBytes: number): Promise<Map<string, number>> {
  const chunking = { minimumBytes: averageBytes / 2, averageBytes, maximumBytes: averageBytes * 4 };
  const bytesOfChunk = new Map<string, number>();
  for (const path of filesOf(folder)) {
    for await (const chunk of chunksOf(piecesOf(readFileSync(path)), chunking)) {
      const id = createHash('sha256').update(chunk).digest('hex');
      if (bytesOfChunk.has(id)) continue;
      bytesOfChunk.set(id, Math.min(chunk.length, deflateRawSync(chunk, { level: 9, memLevel: 9 }).length));
    }
  }
  return bytesOfChunk;
}

/** The chunks of the new release that the old one lacks. */
async function measureUpdate(old: ReadonlyMap<string, number>, to: string, averageBytes: number): Promise<object> {
  const fresh = [...(await measure(to, averageBytes))].filter(([id]) => !old.has(id));
  return { updateBytes: sum(fresh.map(([, bytes]) => bytes)), updateChunks: fresh.length };
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/\.(?:map|d\.ts)$/.test(name))
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .sort();
}

function brotliBytes(folder: string, known: ReadonlySet<string>): { bytes: number; hashes: Set<string> } {
  const hashes = new Set<string>();
  let bytes = 0;
  for (const path of filesOf(folder)) {
    const content = readFileSync(path);
    const hash = createHash('sha256').update(content).digest('hex');
    hashes.add(hash);
    if (known.has(hash)) continue;
    bytes += brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }).length;
  }
  return { bytes, hashes };
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
