import { beforeEach, describe, expect, it } from 'vitest';
import { Catalog, type CatalogPack, type ChunkLocation } from '../../../src/core/catalog.ts';
import { Holdings } from '../../../src/core/holdings.ts';
import { type EndReason, PeerSession, type SessionHost } from '../../../src/core/peer-session.ts';
import type { StoredChunk } from '../../../src/core/ports.ts';
import { UploadCap } from '../../../src/core/upload-cap.ts';
import { decodePeerMessage, encodePeerMessage, type PeerMessage } from '../../../src/protocol/peer-message.ts';
import { MemoryLink } from '../../fakes/memory-link.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { randomFiles, tinyRelease } from '../../fakes/tiny-release.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const CHUNK_BYTES = 64 * 1024;
const release = tinyRelease({
  sequence: 1,
  files: randomFiles(new SeededRandom(1), [8 * CHUNK_BYTES]),
  chunkBytes: CHUNK_BYTES,
  chunksPerPack: 8,
  deflate: false,
});
const catalog = new Catalog([release.manifest]);
const [pack] = [...catalog.packs.values()] as [CatalogPack];
const announced = [{ id: pack.id, chunkCount: 8 }];
const everything = Uint8Array.of(0xff);

/** A session whose other end is written by hand. */
class Bench implements SessionHost {
  readonly clock = new VirtualClock();
  readonly heard: PeerMessage[] = [];
  readonly arrived: { location: ChunkLocation; stored: StoredChunk }[] = [];
  readonly refused: ChunkLocation[] = [];
  unneededBytes = 0;
  uploadedBytes = 0;
  reads = 0;
  end: EndReason | undefined;
  unanswered: readonly ChunkLocation[] = [];
  readonly session: PeerSession;
  readonly #far: MemoryLink;

  constructor() {
    const [near, far] = MemoryLink.pair(this.clock, { latencyMs: 1, bytesPerSecond: 10_000_000 });
    this.#far = far;
    far.bind({
      onFrame: (frame) => this.heard.push(decodePeerMessage(frame)),
      onWritable: () => undefined,
      onClose: () => undefined,
    });
    this.session = new PeerSession('ab'.repeat(16), near, this);
    this.session.start(catalog.packs.values(), new Holdings());
  }

  get uploadCap(): UploadCap {
    return new UploadCap(this.clock, undefined);
  }

  now = (): number => this.clock.now();
  pack = (id: string): CatalogPack | undefined => catalog.packs.get(id);
  onOffer = (): void => undefined;
  onChunk = (_: PeerSession, location: ChunkLocation, stored: StoredChunk): void => {
    this.arrived.push({ location, stored });
  };
  onRefused = (_: PeerSession, chunks: readonly ChunkLocation[]): void => {
    this.refused.push(...chunks);
  };
  onUnneeded = (bytes: number): void => {
    this.unneededBytes += bytes;
  };
  onEnd = (_: PeerSession, reason: EndReason, unanswered: readonly ChunkLocation[]): void => {
    this.end = reason;
    this.unanswered = unanswered;
  };
  read = (ids: readonly string[]): Promise<(StoredChunk | undefined)[]> => {
    this.reads += 1;
    return Promise.resolve(ids.map(() => ({ encoding: 'identity', bytes: new Uint8Array(CHUNK_BYTES) })));
  };
  onUploaded = (_: number, wireBytes: number): void => {
    this.uploadedBytes += wireBytes;
  };

  async say(...messages: PeerMessage[]): Promise<void> {
    for (const message of messages) this.#far.send(encodePeerMessage(message));
    await this.clock.advance(100);
  }

  async sayBytes(bytes: Uint8Array): Promise<void> {
    this.#far.send(bytes);
    await this.clock.advance(100);
  }

  async greet(): Promise<void> {
    await this.say({ type: 'hello', version: 1, packs: announced }, { type: 'bitfield', pack: 0, bits: everything });
  }

  data(request: number, chunk: number, bytes = new Uint8Array(CHUNK_BYTES)): PeerMessage {
    return { type: 'data', request, chunk, encoding: 'identity', encodedBytes: bytes.length, offset: 0, bytes };
  }
}

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

describe('a session', () => {
  it('says hello, and has nothing to give before the other side did', async () => {
    await bench.clock.advance(10);
    expect(bench.heard[0]).toEqual({ type: 'hello', version: 1, packs: announced });
    expect(bench.session.room).toBe(0);
    await bench.greet();
    expect(bench.session.room).toBeGreaterThan(0);
    expect(bench.session.has({ pack, index: 7 })).toBe(true);
  });

  it('passes on chunks that were asked for, in order', async () => {
    await bench.greet();
    bench.session.request({ pack, first: 2, count: 2 });
    await bench.say(bench.data(0, 2), bench.data(0, 3));
    expect(bench.arrived.map(({ location }) => location.index)).toEqual([2, 3]);
    expect(bench.session.openBytes).toBe(0);
  });

  it('puts the fragments of a chunk together', async () => {
    await bench.greet();
    bench.session.request({ pack, first: 0, count: 1 });
    const half = { type: 'data', request: 0, chunk: 0, encoding: 'identity', encodedBytes: CHUNK_BYTES } as const;
    await bench.say(
      { ...half, offset: 0, bytes: new Uint8Array(CHUNK_BYTES / 2).fill(1) },
      { ...half, offset: CHUNK_BYTES / 2, bytes: new Uint8Array(CHUNK_BYTES / 2).fill(2) },
    );
    expect(bench.arrived[0]?.stored.bytes.at(0)).toBe(1);
    expect(bench.arrived[0]?.stored.bytes.at(-1)).toBe(2);
  });

  it('gives back what was refused, and does not ask this peer for the first of it again', async () => {
    await bench.greet();
    bench.session.request({ pack, first: 0, count: 3 });
    await bench.say(bench.data(0, 0), { type: 'reject', request: 0 });
    expect(bench.refused.map(({ index }) => index)).toEqual([1, 2]);
    expect(bench.session.has({ pack, index: 1 })).toBe(false);
    expect(bench.session.has({ pack, index: 2 })).toBe(true);
  });

  it('gives back what was not answered when it ends', async () => {
    await bench.greet();
    bench.session.request({ pack, first: 0, count: 2 });
    await bench.say({ type: 'bye' });
    expect(bench.end).toBe('closed');
    expect(bench.unanswered).toHaveLength(2);
  });

  it('counts data of a cancelled request as unneeded', async () => {
    await bench.greet();
    bench.session.request({ pack, first: 0, count: 1 });
    bench.session.cancelUnneeded(() => false);
    await bench.say(bench.data(0, 0));
    expect(bench.heard.at(-1)).toEqual({ type: 'cancel', request: 0 });
    expect(bench.unneededBytes).toBe(CHUNK_BYTES);
    expect(bench.end).toBeUndefined();
  });

  it('counts as stalled when nothing comes for three seconds', async () => {
    await bench.greet();
    bench.session.request({ pack, first: 0, count: 1 });
    await bench.clock.advance(2900);
    expect(bench.session.isStalled(bench.clock.now())).toBe(false);
    await bench.clock.advance(200);
    expect(bench.session.isStalled(bench.clock.now())).toBe(true);
  });

  it('answers a request and rejects one that it cannot answer', async () => {
    await bench.greet();
    await bench.say({ type: 'request', request: 9, pack: 0, first: 0, count: 2 });
    expect(bench.heard.filter((message) => message.type === 'data')).toHaveLength(2);
    expect(bench.uploadedBytes).toBe(2 * CHUNK_BYTES);
    await bench.say({ type: 'request', request: 10, pack: 0, first: 7, count: 5 });
    expect(bench.heard.at(-1)).toEqual({ type: 'reject', request: 10 });
  });

  it('reads and sends nothing for a request that was cancelled in time', async () => {
    await bench.greet();
    const requests = [1, 2, 3].map((request) => ({ type: 'request', request, pack: 0, first: 0, count: 8 }) as const);
    await bench.say(...requests, { type: 'cancel', request: 3 });
    await bench.clock.advance(1000);
    expect(bench.heard.filter((message) => message.type === 'data')).toHaveLength(16);
    expect(bench.uploadedBytes).toBe(16 * CHUNK_BYTES);
  });

  it('leaves a peer of another version without banning it', async () => {
    await bench.sayBytes(Uint8Array.of(1, 2, 0));
    expect(bench.end).toBe('version');
  });
});

describe('a peer is dropped as misbehaved when it', () => {
  const offences: Record<string, PeerMessage[]> = {
    'speaks before its hello': [{ type: 'ping', token: 1 }],
    'says hello twice': [
      { type: 'hello', version: 1, packs: [] },
      { type: 'hello', version: 1, packs: [] },
    ],
    'announces a pack twice': [{ type: 'hello', version: 1, packs: [...announced, ...announced] }],
    'names a pack that it never announced': [
      { type: 'hello', version: 1, packs: [] },
      { type: 'have', pack: 0, first: 0, count: 1 },
    ],
    'has chunks beyond the end of a pack': [
      { type: 'hello', version: 1, packs: announced },
      { type: 'have', pack: 0, first: 7, count: 2 },
    ],
    'sends a bitfield of the wrong length': [
      { type: 'hello', version: 1, packs: announced },
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
    bench.session.request({ pack, first: 0, count: 2 });
    await bench.say(bench.data(0, 1));
    expect(bench.end).toBe('misbehaved');
  });

  it('sends more than a chunk can be', async () => {
    await bench.greet();
    bench.session.request({ pack, first: 0, count: 1 });
    await bench.say({ ...bench.data(0, 0), encodedBytes: CHUNK_BYTES + 1 } as PeerMessage);
    expect(bench.end).toBe('misbehaved');
  });

  it('announces more packs than we keep', async () => {
    const packs = Array.from({ length: 1024 }, (_, index) => ({
      id: index.toString(16).padStart(64, '0'),
      chunkCount: 16_384,
    }));
    await bench.say({ type: 'hello', version: 1, packs });
    expect(bench.end).toBe('misbehaved');
  });
});
