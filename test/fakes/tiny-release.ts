import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import type { Manifest, Pack, PackedChunk } from '../../src/protocol/manifest.ts';
import type { SeededRandom } from './seeded-random.ts';

/** A release in memory: every file cut at a fixed length, chunks end to end in packs. */
export interface TinyRelease {
  readonly manifest: Manifest;
  readonly packs: ReadonlyMap<string, Uint8Array>;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

interface TinyReleaseOptions {
  readonly sequence: number;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly chunkBytes: number;
  readonly chunksPerPack: number;
  readonly deflate: boolean;
  /** Packs of an earlier release whose chunks are used again. */
  readonly previous?: TinyRelease;
}

export function tinyRelease(options: TinyReleaseOptions): TinyRelease {
  const packs: { chunks: PackedChunk[]; bytes: Uint8Array[] }[] = [];
  const oldPacks = options.previous?.manifest.packs ?? [];
  const places = new Map<string, { pack: number; index: number }>();
  oldPacks.forEach((pack, number) => {
    pack.chunks.forEach((chunk, index) => {
      places.set(chunk.id, { pack: number, index });
    });
  });
  const put = (plain: Uint8Array): { pack: number; index: number } => {
    const id = sha256(plain);
    const known = places.get(id);
    if (known !== undefined) return known;
    let last = packs.at(-1);
    if (last === undefined || last.chunks.length >= options.chunksPerPack) {
      last = { chunks: [], bytes: [] };
      packs.push(last);
    }
    const bytes = options.deflate ? new Uint8Array(deflateRawSync(plain)) : plain;
    const encoding = options.deflate ? 'deflate-raw' : 'identity';
    const place = { pack: oldPacks.length + packs.length - 1, index: last.chunks.length };
    last.chunks.push({ id, encoding, plainBytes: plain.length, encodedBytes: bytes.length });
    last.bytes.push(bytes);
    places.set(id, place);
    return place;
  };
  const files = [...options.files]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, bytes]) => {
      const runs: { pack: number; first: number; count: number }[] = [];
      for (let offset = 0; offset < bytes.length; offset += options.chunkBytes) {
        const { pack, index } = put(bytes.subarray(offset, offset + options.chunkBytes));
        const run = runs.at(-1);
        if (run !== undefined && run.pack === pack && run.first + run.count === index) run.count += 1;
        else runs.push({ pack, first: index, count: 1 });
      }
      const mediaType = 'application/octet-stream';
      return { path, plainBytes: bytes.length, hash: sha256(bytes), mediaType, headerSet: 0, runs };
    });
  const packBytes = new Map(options.previous?.packs);
  const newPacks = packs.map(({ chunks, bytes }): Pack => {
    const whole = new Uint8Array(Buffer.concat(bytes));
    const id = sha256(whole);
    packBytes.set(id, whole);
    return { id, chunks };
  });
  const manifest: Manifest = {
    app: 'tiny',
    channel: 'stable',
    sequence: options.sequence,
    version: '',
    created: 0,
    settings: '{}',
    chunking: { minimumBytes: options.chunkBytes, averageBytes: options.chunkBytes, maximumBytes: options.chunkBytes },
    packs: [...oldPacks, ...newPacks],
    headerSets: [[]],
    files,
  };
  return { manifest, packs: packBytes, files: options.files };
}

/** Incompressible files `0.bin`, `1.bin` … of the given lengths. */
export function randomFiles(random: SeededRandom, lengths: readonly number[]): Map<string, Uint8Array> {
  return new Map(lengths.map((length, index) => [`${index}.bin`, random.bytes(length)]));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
