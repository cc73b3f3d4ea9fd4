import { describe, expect, it } from 'vitest';
import { chunksOfFile, type PackedChunk, type ReleaseFile } from '../../../src/protocol/manifest.ts';
import { bodyStream } from '../../../src/sw/body-stream.ts';
import { FileFeed } from '../../../src/sw/file-feed.ts';
import { chunksOfRange } from '../../../src/sw/responder.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { tinyRelease } from '../../fakes/tiny-release.ts';
import { type Ask, ScriptedSource } from './scripted-source.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** A file with its chunks, and a source of their bytes. */
function content(bytes: Uint8Array, chunkBytes: number) {
  const files = new Map([['a.bin', bytes]]);
  const { manifest } = tinyRelease({ sequence: 1, files, chunkBytes, chunksPerPack: 64, deflate: false });
  const chunks = chunksOfFile(manifest, manifest.files[0] as ReleaseFile);
  const plainOf = new Map<string, Uint8Array>();
  for (const [index, chunk] of chunks.entries()) {
    plainOf.set(chunk.id, bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes));
  }
  return { chunks, plain: (chunk: PackedChunk) => plainOf.get(chunk.id) as Uint8Array };
}

function feedOf(chunks: readonly PackedChunk[], ...sources: ScriptedSource[]): FileFeed {
  return new FileFeed(chunks, { urgency: 'bulk', sources });
}

async function readAll(feed: FileFeed): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let piece = await feed.next(); piece !== undefined; piece = await feed.next()) pieces.push(piece.plain);
  return new Uint8Array(Buffer.concat(pieces));
}

describe('a feed', () => {
  it('gives chunks in order, whatever order they come in', async () => {
    const random = new SeededRandom(testSeed());
    const bytes = random.bytes(40 * KIB + 7);
    const { chunks, plain } = content(bytes, KIB);
    const source = new ScriptedSource('peers', (ask) => {
      const shuffled = [...ask.chunks].sort(() => random.next() - 0.5);
      for (const chunk of shuffled) ask.give(chunk, plain(chunk));
      ask.end();
    });
    const feed = feedOf(chunks, source);
    expect(await readAll(feed)).toEqual(bytes);
    await feed.done;
  });

  it('asks the next source only for what the one before did not give', async () => {
    const { chunks, plain } = content(new SeededRandom(testSeed()).bytes(8 * KIB), KIB);
    const first = new ScriptedSource('store', (ask) => {
      for (const chunk of ask.chunks.filter((_, index) => index % 2 === 0)) ask.give(chunk, plain(chunk));
      ask.end();
    });
    const second = new ScriptedSource('origin', (ask) => {
      for (const chunk of ask.chunks) ask.give(chunk, plain(chunk));
      ask.end();
    });
    const feed = feedOf(chunks, first, second);
    await readAll(feed);
    expect(second.asks.flatMap((ask) => ask.chunks)).toEqual(chunks.filter((_, index) => index % 2 === 1));
    expect([...feed.cameFrom].sort()).toEqual(['origin', 'store']);
  });

  it('never has more than its window of 8 MiB asked for and unread', async () => {
    const { chunks, plain } = content(new SeededRandom(testSeed()).bytes(10 * MIB), 256 * KIB);
    const source = new ScriptedSource('peers');
    const feed = feedOf(chunks, source);
    const asked = () => source.asks.reduce((sum, ask) => sum + ask.bytes, 0);
    const first = feed.next();
    expect(asked()).toBe(8 * MIB);
    for (const ask of source.asks) for (const chunk of ask.chunks) ask.give(chunk, plain(chunk));
    await first;
    expect(asked()).toBe(8 * MIB);
    for (let read = 1; read < 4; read += 1) await feed.next();
    void feed.next();
    expect(asked()).toBe(9 * MIB);
  });

  it('asks for nothing before it is read', () => {
    const { chunks } = content(new Uint8Array(KIB), KIB);
    const source = new ScriptedSource('peers');
    feedOf(chunks, source);
    expect(source.asks).toEqual([]);
  });

  it('asks once for a chunk that the window needs many times', async () => {
    const { chunks, plain } = content(new Uint8Array(64 * KIB), KIB);
    const source = new ScriptedSource('peers', (ask: Ask) => {
      for (const chunk of ask.chunks) ask.give(chunk, plain(chunk));
      ask.end();
    });
    expect(await readAll(feedOf(chunks, source))).toEqual(new Uint8Array(64 * KIB));
    expect(source.asks.flatMap((ask) => ask.chunks)).toHaveLength(1);
  });

  it('fails only at the chunk that no source has', async () => {
    const { chunks, plain } = content(new SeededRandom(testSeed()).bytes(3 * KIB), KIB);
    const source = new ScriptedSource('peers', (ask) => {
      for (const chunk of ask.chunks.slice(0, 2)) ask.give(chunk, plain(chunk));
      ask.end();
    });
    const feed = feedOf(chunks, source);
    await feed.next();
    await feed.next();
    await expect(feed.next()).rejects.toMatchObject({ code: 'chunk-unavailable' });
    await feed.done;
  });

  it('stops its sources when it is cancelled', async () => {
    const { chunks } = content(new Uint8Array(KIB), KIB);
    const source = new ScriptedSource('peers');
    const feed = feedOf(chunks, source);
    const next = feed.next();
    feed.cancel();
    expect(await next).toBeUndefined();
    expect(source.asks[0]?.request.signal.aborted).toBe(true);
    await feed.done;
  });
});

describe('a body', () => {
  it.each([
    [0, 10_000],
    [0, 1],
    [1023, 2],
    [1024, 1024],
    [5000, 5000],
    [9999, 1],
  ])('has exactly the bytes from %i, %i of them', async (first, length) => {
    const bytes = new SeededRandom(testSeed()).bytes(10_000);
    const { chunks, plain } = content(bytes, KIB);
    const range = chunksOfRange(chunks, { first, bytes: length });
    const source = new ScriptedSource('peers', (ask) => {
      for (const chunk of ask.chunks) ask.give(chunk, plain(chunk));
      ask.end();
    });
    const feed = feedOf(range.chunks, source);
    const piece = await feed.next();
    if (piece === undefined) throw new Error('no first piece');
    const body = bodyStream(feed, piece, { skipBytes: range.skipBytes, bytes: length });
    expect(new Uint8Array(await new Response(body as BodyInit).arrayBuffer())).toEqual(
      bytes.slice(first, first + length),
    );
    await feed.done;
  });

  it('stops the feed when its reader goes away', async () => {
    const { chunks, plain } = content(new SeededRandom(testSeed()).bytes(4 * KIB), KIB);
    const source = new ScriptedSource('peers', (ask) =>
      ask.give(chunks[0] as PackedChunk, plain(chunks[0] as PackedChunk)),
    );
    const feed = feedOf(chunks, source);
    const piece = await feed.next();
    if (piece === undefined) throw new Error('no first piece');
    const body = bodyStream(feed, piece, { skipBytes: 0, bytes: 4 * KIB });
    await body.cancel();
    await feed.done;
    expect(source.asks[0]?.request.signal.aborted).toBe(true);
  });
});
