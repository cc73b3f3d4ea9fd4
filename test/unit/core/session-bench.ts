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

export const CHUNK_BYTES = 64 * 1024;
const release = tinyRelease({
  sequence: 1,
  files: randomFiles(new SeededRandom(1), [8 * CHUNK_BYTES]),
  chunkBytes: CHUNK_BYTES,
  chunksPerPack: 8,
  deflate: false,
});
const catalog = new Catalog([release.manifest]);
export const [pack] = [...catalog.packs.values()] as [CatalogPack];
export const announced = [{ id: pack.id, chunkCount: 8 }];
export const everything = Uint8Array.of(0xff);

export const NEAR = 'a'.repeat(32);
export const FAR = 'f'.repeat(32);

/** A session whose other end is written by hand. */
export class SessionBench implements SessionHost {
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
