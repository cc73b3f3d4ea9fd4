import { beforeEach, describe, expect, it } from 'vitest';
import { OriginError } from '../../../src/core/errors.ts';
import type { ChunkId } from '../../../src/protocol/identifier.ts';
import { chunksOfFile, type PackedChunk, type ReleaseFile } from '../../../src/protocol/manifest.ts';
import { FileOrigin } from '../../../src/sw/file-origin.ts';
import { Lanes } from '../../../src/sw/lanes.ts';
import { spansOf } from '../../../src/sw/pack-spans.ts';
import { type OriginRequest, ScriptedOrigin } from '../../fakes/scripted-origin.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { syncCodec } from '../../fakes/sync-codec.ts';
import { syncDigest } from '../../fakes/sync-digest.ts';
import { tinyRelease } from '../../fakes/tiny-release.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const CHUNK_BYTES = 64 * 1024;
const BYTES = new SeededRandom(2).bytes(60 * CHUNK_BYTES + 5);
const RELEASE = tinyRelease({
  sequence: 1,
  files: new Map([['a.bin', BYTES]]),
  chunkBytes: CHUNK_BYTES,
  chunksPerPack: 40,
  deflate: true,
});
const FILE = RELEASE.manifest.files[0] as ReleaseFile;
const CHUNKS = chunksOfFile(RELEASE.manifest, FILE);

let clock: VirtualClock;
let origin: ScriptedOrigin;
let file: FileOrigin;
let kept: ChunkId[];
let counts: { origin: number; wasted: number };
let delivered: Map<ChunkId, Uint8Array>;
let abort: AbortController;

beforeEach(() => {
  clock = new VirtualClock();
  origin = new ScriptedOrigin({ clock, latencyMs: 10, bytesPerSecond: 1e9 });
  for (const [id, bytes] of RELEASE.packs) origin.packs.set(id, bytes);
  for (const [path, bytes] of RELEASE.files) origin.files.set(path, bytes);
  kept = [];
  counts = { origin: 0, wasted: 0 };
  delivered = new Map();
  abort = new AbortController();
  file = new FileOrigin(RELEASE.manifest, FILE, {
    ...{ origin, digest: syncDigest(), codec: syncCodec(), lanes: new Lanes(6) },
    keep: (id) => kept.push(id),
    count: (kind, plainBytes) => {
      counts[kind] += plainBytes;
    },
  });
});

/** Takes chunks and lets virtual time pass until it is done. */
async function take(chunks: readonly PackedChunk[]): Promise<readonly PackedChunk[]> {
  let left: readonly PackedChunk[] | undefined;
  void file
    .take(chunks, {
      urgency: 'bulk',
      signal: abort.signal,
      deliver: (chunk, plain) => void delivered.set(chunk.id, plain),
    })
    .then((result) => {
      left = result;
    });
  await clock.runUntil(() => left !== undefined);
  return left ?? [];
}

const kinds = (requests: readonly OriginRequest[]) => requests.map((request) => request.kind);
const plainBytes = (chunks: readonly PackedChunk[]) => chunks.reduce((sum, chunk) => sum + chunk.plainBytes, 0);
const unavailable = { fail: new OriginError('origin-status', 'HTTP 503', { status: 503 }) };

describe('the origin of one file', () => {
  it('reads a file that is wholly missing once, plainly, and in step with its reader', async () => {
    expect(await take(CHUNKS.slice(0, 20))).toEqual([]);
    const readBytes = origin.servedBytes;
    expect(readBytes).toBeLessThan(plainBytes(CHUNKS.slice(0, 21)));
    expect(await take(CHUNKS.slice(20))).toEqual([]);
    expect(kinds(origin.requests)).toEqual(['file']);
    expect(kept).toEqual(CHUNKS.map((chunk) => chunk.id));
    expect(Buffer.concat(CHUNKS.map((chunk) => delivered.get(chunk.id) as Uint8Array)).equals(BYTES)).toBe(true);
    expect(counts).toEqual({ origin: BYTES.length, wasted: 0 });
  });

  it('reads parts by Range, neighbours together', async () => {
    const wanted = [...CHUNKS.slice(3, 6), ...CHUNKS.slice(50, 52)];
    expect(await take(wanted)).toEqual([]);
    expect(kinds(origin.requests)).toEqual(['pack', 'pack']);
    expect([...delivered.keys()].sort()).toEqual(wanted.map((chunk) => chunk.id).sort());
  });

  it('does not read through the middle of a file of which only the ends are missing', async () => {
    await take(CHUNKS.slice(0, 16));
    expect(kinds(origin.requests)).toEqual(['file']);
    await take(CHUNKS.slice(55));
    expect(kinds(origin.requests).slice(1)).toEqual(['pack']);
  });

  it('goes to the packs when the plain file is another version', async () => {
    const other = BYTES.slice();
    other[10 * CHUNK_BYTES] = (other[10 * CHUNK_BYTES] ?? 0) ^ 1;
    origin.files.set('a.bin', other);
    expect(await take(CHUNKS.slice(0, 20))).toEqual([]);
    expect(await take(CHUNKS.slice(20))).toEqual([]);
    expect(kinds(origin.requests).filter((kind) => kind === 'file')).toHaveLength(1);
    expect(delivered.size).toBe(CHUNKS.length);
    expect(counts.wasted).toBe(CHUNK_BYTES);
  });

  it('goes to the packs when the plain file is gone, short, or breaks off', async () => {
    for (const script of [unavailable, { cutAfterBytes: 3 * CHUNK_BYTES }] as const) {
      origin.script = (request) => (request.kind === 'file' ? script : 'serve');
      expect(await take(CHUNKS)).toEqual([]);
    }
    origin.script = () => 'serve';
    origin.files.set('a.bin', BYTES.slice(0, 100));
    expect(await take(CHUNKS)).toEqual([]);
  });

  it('goes to the plain file when the packs are gone', async () => {
    origin.script = (request) => (request.kind === 'pack' ? unavailable : 'serve');
    expect(await take(CHUNKS.slice(30, 33))).toEqual([]);
    expect(kinds(origin.requests)).toEqual(['pack', 'file']);
    expect(delivered.size).toBe(3);
  });

  it('never delivers a damaged chunk of a pack', async () => {
    for (const [id, bytes] of RELEASE.packs) {
      const damaged = bytes.slice();
      damaged[100] = (damaged[100] ?? 0) ^ 1;
      origin.packs.set(id, damaged);
    }
    origin.files.clear();
    const [first] = CHUNKS;
    expect(await take(CHUNKS.slice(0, 30))).toEqual([first]);
    expect(kept).not.toContain(first?.id);
  });

  it('gives everything back when nothing answers', async () => {
    origin.script = () => unavailable;
    expect(await take(CHUNKS.slice(0, 30))).toEqual(CHUNKS.slice(0, 30));
  });

  it('stops when nobody wants it any more', async () => {
    origin.script = () => 'silence';
    clock.after(5, () => abort.abort());
    expect(await take(CHUNKS)).toEqual(CHUNKS);
  });
});

describe('spans', () => {
  it('join neighbours of one pack up to 1 MiB and skip what is not wanted', () => {
    const wanted = new Set(CHUNKS.map((chunk) => chunk.id));
    wanted.delete((CHUNKS[5] as PackedChunk).id);
    const spans = spansOf(RELEASE.manifest, FILE, wanted);
    expect(spans.flatMap((span) => span.chunks)).toEqual(CHUNKS.filter((_, index) => index !== 5));
    expect(spans[0]?.chunks).toHaveLength(5);
    for (const span of spans) {
      expect(span.bytes).toBeLessThanOrEqual(1024 * 1024);
      const pack = RELEASE.packs.get(span.pack)?.subarray(span.offset, span.offset + span.bytes);
      expect(pack?.length).toBe(span.chunks.reduce((sum, chunk) => sum + chunk.encodedBytes, 0));
    }
  });
});
