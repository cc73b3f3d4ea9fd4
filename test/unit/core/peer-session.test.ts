import { beforeEach, describe, expect, it } from 'vitest';
import { Catalog, type CatalogPack, type ChunkLocation } from '../../../src/core/catalog.ts';
import { Holdings } from '../../../src/core/holdings.ts';
import type { ReleaseNews } from '../../../src/core/peer-news.ts';
import { PeerSession } from '../../../src/core/peer-session.ts';
import type { StoredChunk } from '../../../src/core/ports.ts';
import type { EndReason, SessionHost } from '../../../src/core/session-host.ts';
import { UploadCap } from '../../../src/core/upload-cap.ts';
import { UploadSlots } from '../../../src/core/upload-slots.ts';
import { ByteWriter } from '../../../src/protocol/bytes.ts';
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
const NEAR = 'a'.repeat(32);
const FAR = 'f'.repeat(32);

class Bench implements SessionHost {
  readonly instance = NEAR;
  readonly isSiteOnly = false;
  /** Indexes of chunks that other peers have, too. */
  elsewhere = new Set<number>([0, 1, 2, 3, 4, 5, 6, 7]);
  isElsewhere = ({ index }: ChunkLocation): boolean => this.elsewhere.has(index);
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
  /** As the link measures them, one after the other. */
  readonly roundTripsMs = [20, 70];
  readonly #far: MemoryLink;

  constructor() {
    const [near, far] = MemoryLink.pair(this.clock, { latencyMs: 1, bytesPerSecond: 10_000_000 });
    near.roundTripMs = () => Promise.resolve(this.roundTripsMs.shift());
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

  get uploadSlots(): UploadSlots {
    return new UploadSlots(this.clock, new Set());
  }

  now = (): number => this.clock.now();
  pack = (id: string): CatalogPack | undefined => catalog.packs.get(id);
  onOffer = (): void => undefined;
  onHeard = (): void => undefined;
  given: ReleaseNews | undefined;
  news = (): ReleaseNews | undefined => this.given;
  readonly pointers: Uint8Array[] = [];
  onPointer = (_: PeerSession, bytes: Uint8Array): void => {
    this.pointers.push(bytes.slice());
  };
  onAvailability = (): void => undefined;
  readonly frame = new ByteWriter();
  onChunk = (_: PeerSession, location: ChunkLocation, stored: StoredChunk): void => {
    this.arrived.push({ location, stored });
  };
  onRefused = (_: PeerSession, chunks: readonly ChunkLocation[]): void => {
    this.refused.push(...chunks);
  };
  onGreeting = (): void => undefined;
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
  onUploaded = (_: PeerSession, _plainBytes: number, wireBytes: number): void => {
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
    await this.say(
      { type: 'hello', version: 1, instance: FAR, packs: announced },
      { type: 'bitfield', pack: 0, bits: everything },
    );
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
    expect(bench.heard[0]).toEqual({ type: 'hello', version: 1, instance: NEAR, packs: announced });
    expect(bench.session.room).toBe(0);
    await bench.greet();
    expect(bench.session.room).toBeGreaterThan(0);
    expect(bench.session.has({ pack, index: 7 })).toBe(true);
  });

  it('measures a round trip before anything is sent, beside which later ones are long', async () => {
    await bench.clock.advance(10);
    expect(bench.session.shortestMs).toBe(20);
    expect(await bench.session.queueingMs()).toBe(50);
    expect(await bench.session.queueingMs()).toBeUndefined();
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

  it('counts as stalled when nothing comes for three seconds, not even the answer to a ping', async () => {
    await bench.greet();
    await bench.say({ type: 'pong', token: 0 });
    bench.session.request({ pack, first: 0, count: 1 });
    await bench.clock.advance(1000);
    bench.session.probe(bench.clock.now());
    await bench.clock.advance(1950);
    expect(bench.heard.at(-1)).toEqual({ type: 'ping', token: 0 });
    expect(bench.session.isStalled(bench.clock.now())).toBe(false);
    await bench.clock.advance(150);
    expect(bench.session.isStalled(bench.clock.now())).toBe(true);
    await bench.say({ type: 'pong', token: 0 });
    expect(bench.session.isStalled(bench.clock.now())).toBe(false);
  });

  it('is asked whether it is there no more often than it answers', async () => {
    await bench.greet();
    await bench.say({ type: 'pong', token: 0 });
    bench.session.request({ pack, first: 0, count: 1 });
    for (let tick = 0; tick < 40; tick += 1) {
      await bench.clock.advance(100);
      bench.session.probe(bench.clock.now());
    }
    expect(bench.heard.filter(({ type }) => type === 'ping')).toHaveLength(2);
  });

  it('counts as stalled when a byte comes every second', async () => {
    await bench.greet();
    bench.session.request({ pack, first: 0, count: 8 });
    for (let second = 0; second < 4; second += 1) {
      const head = { type: 'data', request: 0, chunk: 0, encoding: 'identity', encodedBytes: CHUNK_BYTES } as const;
      await bench.say({ ...head, offset: second, bytes: Uint8Array.of(0) });
      await bench.clock.advance(900);
    }
    expect(bench.session.isStalled(bench.clock.now())).toBe(true);
  });

  it('gets back from a slow peer what is overdue, and does not ask it for that again', async () => {
    await bench.greet();
    bench.session.request({ pack, first: 0, count: 8 });
    for (let second = 0; second < 16; second += 1) {
      const [chunk, offset] = [Math.floor(second / 13), (second % 13) * 5042];
      const head = { type: 'data', request: 0, chunk, encoding: 'identity', encodedBytes: CHUNK_BYTES } as const;
      await bench.say({ ...head, offset, bytes: new Uint8Array(Math.min(5042, CHUNK_BYTES - offset)) });
      await bench.clock.advance(900);
      expect(bench.session.isStalled(bench.clock.now())).toBe(false);
      bench.session.takeBackLate(bench.clock.now());
    }
    // The first one came, in thirteen pieces.
    expect(bench.refused.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    await bench.clock.advance(100);
    expect(bench.heard.at(-1)).toEqual({ type: 'cancel', request: 0 });
    expect(bench.session.has({ pack, index: 7 })).toBe(false);
    expect(bench.end).toBeUndefined();
  });

  it('leaves with a slow peer what nobody else has, for 22 s', async () => {
    await bench.greet();
    bench.elsewhere = new Set([4, 5, 6, 7]);
    bench.session.request({ pack, first: 0, count: 4 });
    bench.session.request({ pack, first: 4, count: 4 });
    const seen: number[][] = [];
    for (let second = 0; second < 23; second += 1) {
      const head = { type: 'data', request: 0, chunk: 0, encoding: 'identity', encodedBytes: CHUNK_BYTES } as const;
      await bench.say({ ...head, offset: second * 2500, bytes: new Uint8Array(2500) });
      await bench.clock.advance(900);
      bench.session.takeBackLate(bench.clock.now());
      if (second % 6 === 5) seen.push(bench.refused.map(({ index }) => index));
    }
    expect(seen).toEqual([[], [], [4, 5, 6, 7]]);
    await bench.clock.advance(1000);
    bench.session.takeBackLate(bench.clock.now());
    expect(bench.refused.map(({ index }) => index)).toEqual([4, 5, 6, 7, 0, 1, 2, 3]);
  });

  it('counts as stalled when there is no hello in five seconds', async () => {
    await bench.clock.advance(4900);
    expect(bench.session.isStalled(bench.clock.now())).toBe(false);
    await bench.clock.advance(100);
    expect(bench.session.isStalled(bench.clock.now())).toBe(true);
  });

  it('ends when the peer refuses eight times in a row what it claims to have', async () => {
    await bench.greet();
    const asked: number[] = [];
    for (let round = 0; bench.end === undefined; round += 1) {
      const first = asked.length;
      bench.session.request({ pack, first: first % 8, count: 1 });
      asked.push(round);
      await bench.say({ type: 'reject', request: round }, { type: 'have', pack: 0, first: 0, count: 8 });
    }
    expect(bench.end).toBe('useless');
    expect(asked).toHaveLength(8);
  });

  it('takes many refusals at once for one, and believes the peer again when it gives a chunk', async () => {
    await bench.greet();
    for (let request = 0; request < 40; request += 1) bench.session.request({ pack, first: request % 8, count: 1 });
    await bench.say(...Array.from({ length: 40 }, (_, request) => ({ type: 'reject', request }) as const));
    expect(bench.end).toBeUndefined();
    for (let request = 40; request < 60; request += 2) {
      bench.session.request({ pack, first: 0, count: 1 });
      await bench.say(bench.data(request, 0));
      bench.session.request({ pack, first: 1, count: 1 });
      await bench.say({ type: 'reject', request: request + 1 });
    }
    expect(bench.end).toBeUndefined();
  });

  it('asks for nothing more when its requests could be too many for the peer', async () => {
    await bench.greet();
    for (let request = 0; bench.session.room > 0; request += 1) {
      bench.session.request({ pack, first: 0, count: 1 });
      bench.session.cancelUnneeded(() => false);
      if (request > 2000) throw new Error('never holds back');
    }
    await bench.clock.advance(1000);
    expect(bench.session.room).toBeGreaterThan(0);
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
    await bench.say({ type: 'hello', version: 1, instance: FAR, packs });
    expect(bench.end).toBe('misbehaved');
  });

  it('sends a fragment again and again after the request was answered', async () => {
    await bench.greet();
    bench.session.request({ pack, first: 0, count: 1 });
    await bench.say(bench.data(0, 0), bench.data(0, 0));
    expect(bench.end).toBe('misbehaved');
  });

  it('sends more for a cancelled request than was cancelled', async () => {
    await bench.greet();
    bench.session.request({ pack, first: 0, count: 2 });
    bench.session.cancelUnneeded(() => false);
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
    bench.session.request({ pack, first: 0, count: 8 });
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

describe('news of releases', () => {
  const manifest = Uint8Array.from({ length: 150_000 }, (_, index) => index % 251);
  const manifestHash = 'ab'.repeat(32);
  const news = (byte: number): ReleaseNews => ({ pointer: Uint8Array.of(byte), manifestHash, manifest });
  const parts = () => bench.heard.filter((message) => message.type === 'manifest-part').map(({ bytes }) => bytes);

  it('are told once each, and passed on', async () => {
    bench.given = news(1);
    bench.session.tellNews();
    bench.session.tellNews();
    bench.given = news(2);
    bench.session.tellNews();
    await bench.greet();
    const told = bench.heard.filter(({ type }) => type === 'pointer');
    expect(told).toEqual([1, 2].map((byte) => ({ type: 'pointer', bytes: Uint8Array.of(byte) })));
    await bench.say({ type: 'pointer', bytes: Uint8Array.of(7, 8) });
    expect(bench.pointers).toEqual([Uint8Array.of(7, 8)]);
  });

  it('have a manifest, which is given part by part to who asks for it by its hash', async () => {
    await bench.greet();
    bench.given = news(1);
    for (const offset of [0, 65_536, 131_072]) {
      await bench.say({ type: 'manifest-request', manifest: manifestHash, offset });
    }
    expect(Buffer.concat(parts()).equals(manifest)).toBe(true);
    await bench.say({ type: 'manifest-request', manifest: 'cd'.repeat(32), offset: 0 });
    expect(parts().at(-1)).toEqual(new Uint8Array());
    expect(bench.end).toBeUndefined();
  });

  it('have a manifest that is pulled part by part; a part without bytes is a refusal', async () => {
    await bench.greet();
    const whole = bench.session.pullManifest(manifestHash, 100_000);
    await bench.say({ type: 'manifest-part', bytes: manifest.slice(0, 60_000) });
    await bench.say({ type: 'manifest-part', bytes: manifest.slice(60_000, 100_000) });
    expect(Buffer.from((await whole) ?? []).equals(manifest.slice(0, 100_000))).toBe(true);
    expect(bench.heard.slice(-2)).toEqual(
      [0, 60_000].map((offset) => ({ type: 'manifest-request', manifest: manifestHash, offset })),
    );
    const refused = bench.session.pullManifest(manifestHash, 100_000);
    await bench.say({ type: 'manifest-part', bytes: new Uint8Array() });
    expect(await refused).toBeUndefined();
    const lost = bench.session.pullManifest(manifestHash, 100_000);
    await bench.say({ type: 'bye' });
    expect(await lost).toBeUndefined();
  });

  it('end the session of who sends a part that nobody asked for, or more than there is', async () => {
    await bench.greet();
    await bench.say({ type: 'manifest-part', bytes: Uint8Array.of(1) });
    expect(bench.end).toBe('misbehaved');
    bench = new Bench();
    await bench.greet();
    const pulled = bench.session.pullManifest(manifestHash, 10);
    await bench.say({ type: 'manifest-part', bytes: new Uint8Array(11) });
    expect(bench.end).toBe('misbehaved');
    expect(await pulled).toBeUndefined();
  });

  it('cost a peer that floods with them its session', async () => {
    await bench.greet();
    const pointer: PeerMessage = { type: 'pointer', bytes: Uint8Array.of(1) };
    await bench.say(...Array.from({ length: 2100 }, () => pointer));
    expect(bench.end).toBe('misbehaved');
    bench = new Bench();
    await bench.greet();
    const request: PeerMessage = { type: 'manifest-request', manifest: manifestHash, offset: 0 };
    await bench.say(...Array.from({ length: 1100 }, () => request));
    expect(bench.end).toBe('misbehaved');
  });

  it('cost a peer that gives a manifest byte by byte its session', async () => {
    await bench.greet();
    const pulled = bench.session.pullManifest(manifestHash, 100_000);
    const byte: PeerMessage = { type: 'manifest-part', bytes: Uint8Array.of(1) };
    await bench.say(...Array.from({ length: 2100 }, () => byte));
    expect(bench.end).toBe('misbehaved');
    expect(await pulled).toBeUndefined();
  });
});
