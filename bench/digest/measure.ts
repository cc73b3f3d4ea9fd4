import { createSHA256 } from 'hash-wasm';
import type { Codec } from '../../src/core/ports.ts';
import { streamCodec } from '../../src/platform/stream-codec.ts';
import { subtleDigest } from '../../src/platform/subtle-digest.ts';
import { median, rounded } from '../benchmark.ts';

/** Chunk sizes: the smallest usual one, the average, and the largest. */
const CHUNK_KIB = [16, 64, 128, 256];
const ROUNDS = 5;
const IN_FLIGHT = 8;

/** Megabytes a second, median of the rounds. */
async function rate(bytes: number, run: () => Promise<void>): Promise<number> {
  await run(); // Warm: compiled, pages touched.
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const startMs = performance.now();
    await run();
    rates.push(bytes / 1000 / (performance.now() - startMs));
  }
  return rounded(median(rates), 0);
}

async function oneByOne(chunks: readonly Uint8Array[], act: (chunk: Uint8Array) => Promise<unknown>): Promise<void> {
  for (const chunk of chunks) await act(chunk);
}

async function inFlight(chunks: readonly Uint8Array[], act: (chunk: Uint8Array) => Promise<unknown>): Promise<void> {
  const queue = chunks.values();
  const worker = async (): Promise<void> => {
    for (const chunk of queue) await act(chunk);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

/** Text-like bytes that deflate to some 40 %, each chunk different. */
function content(bytes: number, seed: number): Uint8Array<ArrayBuffer> {
  let state = seed + 1;
  return Uint8Array.from({ length: bytes }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 97 + ((state >>> 24) % 6);
  });
}

async function deflated(plain: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([plain]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Runs in Node and, bundled, in a browser. `extraCodec` is one that only Node has. */
export async function measure(megabytes: number, extraCodec?: Codec): Promise<Record<string, number>> {
  const subtle = subtleDigest();
  const wasm = (await createSHA256()).init();
  const byWasm = (chunk: Uint8Array): Promise<string> => Promise.resolve(wasm.init().update(chunk).digest('hex'));
  const result: Record<string, number> = {};
  for (const kib of CHUNK_KIB) {
    const count = Math.round((megabytes * 1024) / kib);
    const chunks = Array.from({ length: count }, (_, seed) => content(kib * 1024, seed));
    const bytes = count * kib * 1024;
    result[`webcrypto${kib}KiB`] = await rate(bytes, () => oneByOne(chunks, (chunk) => subtle.sha256(chunk)));
    result[`webcrypto${kib}KiBInFlight`] = await rate(bytes, () => inFlight(chunks, (chunk) => subtle.sha256(chunk)));
    result[`hashWasm${kib}KiB`] = await rate(bytes, () => oneByOne(chunks, byWasm));
    const packed = await Promise.all(chunks.map(deflated));
    for (const [name, codec] of [
      ['streamInflate', streamCodec()],
      ['zlibInflate', extraCodec],
    ] as const) {
      if (codec === undefined) continue;
      const inflate = (chunk: Uint8Array) => codec.inflateRaw(chunk, kib * 1024);
      result[`${name}${kib}KiB`] = await rate(bytes, () => oneByOne(packed, inflate));
      result[`${name}${kib}KiBInFlight`] = await rate(bytes, () => inFlight(packed, inflate));
    }
  }
  return result;
}

Object.assign(globalThis, { measure });
