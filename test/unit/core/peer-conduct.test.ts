import { beforeEach, describe, expect, it } from 'vitest';
import type { PeerMessage } from '../../../src/protocol/peer-message.ts';
import { announced, CHUNK_BYTES, everything, FAR, pack, SessionBench } from './session-bench.ts';

let bench: SessionBench;
beforeEach(() => {
  bench = new SessionBench();
});

describe('a peer is dropped as misbehaved when it', () => {
  const offences: Record<string, PeerMessage[]> = {
    'speaks before its hello': [{ type: 'ping', token: 1 }],
    'says hello twice': [
      { type: 'hello', version: 1, instance: FAR, packs: [] },
      { type: 'hello', version: 1, instance: FAR, packs: [] },
    ],
    'announces a pack twice': [{ type: 'hello', version: 1, instance: FAR, packs: [...announced, ...announced] }],
    'names a pack that it never announced': [
      { type: 'hello', version: 1, instance: FAR, packs: [] },
      { type: 'have', pack: 0, first: 0, count: 1 },
    ],
    'has chunks beyond the end of a pack': [
      { type: 'hello', version: 1, instance: FAR, packs: announced },
      { type: 'have', pack: 0, first: 7, count: 2 },
    ],
    'sends a bitfield of the wrong length': [
      { type: 'hello', version: 1, instance: FAR, packs: announced },
      { type: 'bitfield', pack: 0, bits: new Uint8Array(2) },
    ],
  };
  for (const [offence, messages] of Object.entries(offences)) {
    it(offence, async () => {
      await bench.say(...messages);
      expect(bench.end).toBe('misbehaved');
    });
  }

  it('sends a frame that is no message', async () => {
    await bench.sayBytes(Uint8Array.of(200, 1, 2));
    expect(bench.end).toBe('misbehaved');
  });

  it('sends data that nobody asked for', async () => {
    await bench.greet();
    await bench.say(bench.data(0, 0));
    expect(bench.end).toBe('misbehaved');
  });

  it('sends another chunk than the next one', async () => {
    await bench.greet();
    bench.session.downloads.request({ pack, first: 0, count: 2 });
    await bench.say(bench.data(0, 1));
    expect(bench.end).toBe('misbehaved');
  });

  it('sends more than a chunk can be', async () => {
    await bench.greet();
    bench.session.downloads.request({ pack, first: 0, count: 1 });
    await bench.say({ ...bench.data(0, 0), encodedBytes: CHUNK_BYTES + 1 } as PeerMessage);
    expect(bench.end).toBe('misbehaved');
  });

  it('announces more packs than we keep', async () => {
    const packs = Array.from({ length: 1024 }, (_, index) => ({
      id: index.toString(16).padStart(64, '0'),
      chunkCount: 16_384,
    }));
    await bench.say({ type: 'hello', version: 1, instance: FAR, packs });
    expect(bench.end).toBe('misbehaved');
  });

  it('sends a fragment again and again after the request was answered', async () => {
    await bench.greet();
    bench.session.downloads.request({ pack, first: 0, count: 1 });
    await bench.say(bench.data(0, 0), bench.data(0, 0));
    expect(bench.end).toBe('misbehaved');
  });

  it('sends more for a cancelled request than was cancelled', async () => {
    await bench.greet();
    bench.session.downloads.request({ pack, first: 0, count: 2 });
    bench.session.downloads.cancelUnneeded(() => false);
    await bench.say(bench.data(0, 0), bench.data(0, 1));
    expect(bench.end).toBeUndefined();
    await bench.say(bench.data(0, 1, new Uint8Array(1)));
    expect(bench.end).toBe('misbehaved');
  });

  const nothing: PeerMessage[] = [];
  it.each([
    ['pings', { type: 'ping', token: 1 } as const, nothing],
    ['tells again and again what is known', { type: 'have', pack: 0, first: 0, count: 1 } as const, nothing],
    ['refuses what it was not asked', { type: 'reject', request: 77 } as const, nothing],
    ['cancels what it never asked for', { type: 'cancel', request: 77 } as const, nothing],
    ['asks for what there is not', { type: 'request', request: 5, pack: 0, first: 7, count: 9 } as const, nothing],
    [
      'asks and cancels',
      { type: 'request', request: 5, pack: 0, first: 0, count: 8 } as const,
      [{ type: 'cancel', request: 5 } as const],
    ],
  ])('%s a thousand times a second', async (_name, message, also) => {
    await bench.greet();
    for (let hundred = 0; hundred < 30 && bench.end === undefined; hundred += 1) {
      await bench.say(...Array.from({ length: 100 }, () => [message, ...also]).flat());
    }
    expect(bench.end).toBe('misbehaved');
    expect(bench.clock.now()).toBeLessThan(3500);
    // What was read for nothing: at most a batch of 1 MiB (here 8 chunks) a request.
    expect(bench.reads).toBeLessThan(400);
  });

  it('sends chunks byte by byte', async () => {
    await bench.greet();
    bench.session.downloads.request({ pack, first: 0, count: 8 });
    const head = { type: 'data', request: 0, chunk: 0, encoding: 'identity', encodedBytes: CHUNK_BYTES } as const;
    for (let offset = 0; offset < 3000; offset += 100) {
      const pieces = Array.from({ length: 100 }, (_, index) => ({ ...head, offset: offset + index }));
      await bench.say(...pieces.map((piece) => ({ ...piece, bytes: Uint8Array.of(0) })));
    }
    expect(bench.end).toBe('misbehaved');
  });
});

describe('a peer is not dropped when it', () => {
  it('announces 4,096 packs with a bitfield each, at once', async () => {
    const packs = Array.from({ length: 4096 }, (_, index) => ({
      id: index.toString(16).padStart(64, '0'),
      chunkCount: 8,
    }));
    await bench.say({ type: 'hello', version: 1, instance: FAR, packs: packs.slice(0, 1024) });
    for (let first = 1024; first < 4096; first += 1024) {
      await bench.say({ type: 'packs', packs: packs.slice(first, first + 1024) });
    }
    await bench.say(...packs.map((_, index) => ({ type: 'bitfield', pack: index, bits: everything }) as const));
    expect(bench.end).toBeUndefined();
  });

  it('asks for all that there is, over and over, and reads it', async () => {
    await bench.greet();
    for (let request = 0; request < 300; request += 1) {
      await bench.say({ type: 'request', request, pack: 0, first: 0, count: 8 });
    }
    expect(bench.end).toBeUndefined();
    expect(bench.uploadedBytes).toBe(300 * 8 * CHUNK_BYTES);
  });
});
