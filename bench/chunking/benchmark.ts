import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, deflateRawSync } from 'node:zlib';
import { chunksOf } from '../../src/publisher/chunker.ts';

/**
 * What an average chunk size costs: bytes of a first load (every chunk once, deflated), bytes of an update (chunks of
 * `--to` that `--from` lacks), against brotli of whole files. Usage: `tsx bench/chunking/measure.ts FROM TO` or `FROM`.
 */

const AVERAGES_KIB = [8, 16, 32, 64];
const BROTLI_QUALITY = 9;

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

const [from, to] = process.argv.slice(2);
if (from === undefined) throw new Error('usage: tsx bench/chunking/measure.ts FROM [TO]');
const whole = brotliBytes(from, new Set());
console.log(`first load, brotli of whole files: ${whole.bytes}`);
if (to !== undefined) console.log(`update, brotli of changed files: ${brotliBytes(to, whole.hashes).bytes}`);
for (const kib of AVERAGES_KIB) {
  const started = performance.now();
  const old = await measure(from, kib * 1024);
  const line = [`average ${kib} KiB: ${old.size} chunks, first load ${sum(old.values())}`];
  if (to !== undefined) {
    const fresh = [...(await measure(to, kib * 1024))].filter(([id]) => !old.has(id));
    line.push(`update ${sum(fresh.map(([, bytes]) => bytes))} in ${fresh.length} chunks`);
  }
  line.push(`${Math.round(performance.now() - started)} ms`);
  console.log(line.join(', '));
}
