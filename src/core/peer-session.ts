import { ProtocolError } from '../protocol/errors.ts';
import type { InstanceId, PackId, PeerId } from '../protocol/identifier.ts';
import { MAX_OPEN_REQUESTS, MAX_PACKS_PER_MESSAGE } from '../protocol/limits.ts';
import { type DataMessage, decodePeerMessage, encodePeerMessage, type PeerMessage } from '../protocol/peer-message.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import { type CatalogPack, type ChunkLocation, chunkAt, type Span } from './catalog.ts';
import { Download } from './download.ts';
import { FlowWindow } from './flow-window.ts';
import type { Holdings } from './holdings.ts';
import { requestCost } from './message-budget.ts';
import { Pace } from './pace.ts';
import { BITFIELD_COST, HAVE_COST, PeerConduct } from './peer-conduct.ts';
import { LINK_HIGH_WATER_BYTES, type PeerLink, type StoredChunk } from './ports.ts';
import { Promptness } from './promptness.ts';
import { RemotePacks } from './remote-packs.ts';
import { UploadQueue, type UploadSource } from './upload-queue.ts';

/** What a session tells the engine. */
export interface SessionHost extends UploadSource {
  /** Of this engine. */
  readonly instance: InstanceId;
  pack(id: PackId): CatalogPack | undefined;
  /** The other side said who it is. */
  onGreeting(session: PeerSession): void;
  /** It can be asked now, or it has more than before: `run`, or anything. */
  onOffer(session: PeerSession, run: Span | undefined): void;
  /** It has told all that it had at its start. */
  onHeard(): void;
  /** One peer more (1) or fewer (-1) has this chunk. */
  onAvailability(pack: PackId, index: number, by: 1 | -1): void;
  /** A chunk that was asked for has arrived; not verified. */
  onChunk(session: PeerSession, location: ChunkLocation, stored: StoredChunk): void;
  /** The peer will not send these. */
  onRefused(session: PeerSession, chunks: readonly ChunkLocation[]): void;
  /** Bytes came that nobody waits for any more. */
  onUnneeded(wireBytes: number): void;
  /** Over, whoever ended it; `unanswered` was asked for and did not come. */
  onEnd(session: PeerSession, reason: EndReason, unanswered: readonly ChunkLocation[]): void;
}

/**
 * `misbehaved`: the peer broke the protocol. `stalled`: too slow to be worth its requests. `useless`: it has refused what
 * it claims to have, again and again.
 */
export type EndReason = 'closed' | 'misbehaved' | 'version' | 'stalled' | 'useless' | 'banned';

/** A peer says hello as soon as the channel is open. */
export const HELLO_LIMIT_MS = 5000;
/** A peer that leaves so much unread does not read; what we send apart from chunks would pile up without end. */
const MAX_UNREAD_BYTES = 2 * LINK_HIGH_WATER_BYTES;

/** One peer: what it has, what it was asked, what it asks. Messages in by the link, consequences out to the host. */
export class PeerSession {
  readonly peer: PeerId;
  readonly window = new FlowWindow();
  readonly #link: PeerLink;
  readonly #host: SessionHost;
  readonly #uploads: UploadQueue;
  readonly #remote: RemotePacks;
  readonly #announced = new Map<PackId, number>();
  readonly #downloads = new Map<number, Download>();
  readonly #pace = new Pace();
  readonly #promptness = new Promptness();
  readonly #startedMs: number;
  readonly #conduct: PeerConduct;
  #nextRequest = 0;
  #instance: InstanceId | undefined;
  #ended = false;
  #isLeaving = false;
  #pingSentMs = 0;

  constructor(peer: PeerId, link: PeerLink, host: SessionHost) {
    this.peer = peer;
    this.#link = link;
    this.#host = host;
    this.#startedMs = host.now();
    this.#remote = new RemotePacks((pack, index, by) => host.onAvailability(pack, index, by));
    this.#conduct = new PeerConduct(this.#startedMs);
    this.#uploads = new UploadQueue(link, {
      frame: host.frame,
      uploadCap: host.uploadCap,
      now: () => host.now(),
      read: (chunks) => host.read(chunks),
      onUploaded: (plainBytes, wireBytes) => {
        this.#conduct.onMoved(wireBytes);
        host.onUploaded(plainBytes, wireBytes);
      },
    });
  }

  /** Says hello and what we have. */
  start(packs: Iterable<CatalogPack>, holdings: Holdings): void {
    const known = [...packs];
    const first = known.slice(0, MAX_PACKS_PER_MESSAGE);
    for (const pack of first) this.#announced.set(pack.id, this.#announced.size);
    this.#send({
      type: 'hello',
      version: PROTOCOL_VERSION,
      instance: this.#host.instance,
      packs: first.map(announcement),
    });
    for (const pack of first) this.#sendBitfield(pack, holdings);
    this.announce(known, holdings);
    this.#pingSentMs = this.#host.now();
    this.#send({ type: 'ping', token: 0 });
    this.#link.bind({
      onFrame: (frame) => this.#handleFrame(frame),
      onWritable: () => this.#uploads.onWritable(),
      onClose: () => this.#end('closed'),
    });
  }

  /** Announces packs that became known after the start. */
  announce(packs: Iterable<CatalogPack>, holdings: Holdings): void {
    const fresh = [...packs].filter((pack) => !this.#announced.has(pack.id));
    for (let index = 0; index < fresh.length; index += MAX_PACKS_PER_MESSAGE) {
      const some = fresh.slice(index, index + MAX_PACKS_PER_MESSAGE);
      for (const pack of some) this.#announced.set(pack.id, this.#announced.size);
      this.#send({ type: 'packs', packs: some.map(announcement) });
      for (const pack of some) this.#sendBitfield(pack, holdings);
    }
  }

  /** Says anew what we offer of each pack, be it nothing. */
  offer(packs: Iterable<CatalogPack>, holdings: Holdings): void {
    for (const pack of packs) {
      const number = this.#announced.get(pack.id);
      if (number !== undefined) this.#send({ type: 'bitfield', pack: number, bits: holdings.bitfield(pack).toBytes() });
    }
  }

  /** Takes no request any more. A new one gets no answer: the end of the connection, soon, is the answer. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** A request is being answered. */
  get isUploading(): boolean {
    return this.#uploads.isBusy;
  }

  /** The peer gets nothing of what it has asked for. */
  rejectRequests(): void {
    this.#uploads.rejectAll();
  }

  /** Tells of a run of chunks that we hold now, unless the peer has them all itself. */
  have({ pack, first, count }: Span): void {
    const number = this.#announced.get(pack.id);
    if (number === undefined) return;
    for (let index = first; index < first + count; index += 1) {
      if (this.has({ pack, index })) continue;
      this.#send({ type: 'have', pack: number, first, count });
      return;
    }
  }

  /** Whose it is; `undefined` before its hello. */
  get instance(): InstanceId | undefined {
    return this.#instance;
  }

  has(location: ChunkLocation): boolean {
    return this.#greeted && !this.#ended && this.#remote.has(location.pack.id, location.index);
  }

  /**
   * Bytes that may be asked for now; 0 when its window or its request slots are full. A window counts as full until a
   * quarter of it is free: else each arriving chunk would make room for a request of one chunk.
   */
  get room(): number {
    if (!this.#greeted || this.#ended || this.#downloads.size >= MAX_OPEN_REQUESTS) return 0;
    if (this.#conduct.isBusy(this.#host.now())) return 0;
    const room = this.window.bytes - this.openBytes;
    return room < this.window.bytes / 4 ? 0 : room;
  }

  /** Whether it can be asked for something that a page waits for. */
  get isPrompt(): boolean {
    if (this.room === 0) return false;
    return this.#promptness.isPrompt(this.openBytes, this.window.bytesPerMs, this.#host.now());
  }

  /** Something was asked for and has not come. */
  get isAsked(): boolean {
    return this.#downloads.size > 0;
  }

  /** Encoded bytes asked for and not yet arrived. */
  get openBytes(): number {
    let bytes = 0;
    for (const download of this.#downloads.values()) bytes += download.remainingBytes;
    return bytes;
  }

  request(span: Span): void {
    const pack = this.#announced.get(span.pack.id);
    if (pack === undefined) throw new Error('a span of a pack that was never announced');
    const request = this.#nextRequest;
    this.#nextRequest += 1;
    const download = new Download(request, span);
    this.#downloads.set(request, download);
    const nowMs = this.#host.now();
    this.#promptness.onRequest(request, this.#downloads.size === 1, nowMs);
    this.#pace.onRequest(request, this.openBytes, this.window.bytesPerMs, nowMs);
    this.#conduct.onOwnRequest(download.remainingBytes, nowMs);
    this.#send({ type: 'request', request, pack, first: span.first, count: span.count });
  }

  /** Cancels every request of which nothing is needed any more. */
  cancelUnneeded(needed: (chunk: ChunkLocation) => boolean): void {
    for (const download of this.#downloads.values()) {
      if ([...download.remaining()].some(needed)) continue;
      const nowMs = this.#host.now();
      const plainBytes = [...download.remaining()].reduce((sum, chunk) => sum + chunkAt(chunk).plainBytes, 0);
      this.#conduct.onOwnCancel(plainBytes, nowMs);
      this.#promptness.onCancel(download.request, nowMs);
      this.#send({ type: 'cancel', request: download.request });
      this.#finish(download);
    }
  }

  /** How long what is open still takes at its measured rate, or has taken already. */
  get queueMs(): number {
    const { bytesPerMs, rttMs } = this.window;
    const expectedMs = bytesPerMs === 0 ? 0 : this.openBytes / bytesPerMs + rttMs;
    return Math.max(expectedMs, this.#pace.silentMs(this.#host.now()));
  }

  /** What is left of its last request. */
  get last(): readonly ChunkLocation[] {
    const last = [...this.#downloads.values()].at(-1);
    return last === undefined ? [] : [...last.remaining()];
  }

  /** Next to nothing came although something was asked for, or not even a hello. */
  isStalled(nowMs: number): boolean {
    if (!this.#greeted) return nowMs - this.#startedMs >= HELLO_LIMIT_MS;
    return this.#pace.isSilent(nowMs);
  }

  /** Takes back what should have come by now, and all behind it: others may be asked, this peer is not asked again. */
  takeBackLate(nowMs: number): void {
    if (!this.#pace.isLate(nowMs)) return;
    const late = [...this.#downloads.values()].flatMap((download) => [...download.remaining()]);
    this.#conduct.onReject(this.#nextRequest, this.#nextRequest);
    this.cancelUnneeded(() => false);
    this.#giveUp(late, late.length);
  }

  /** Says goodbye and closes; `onEnd` follows before it returns. */
  close(reason: EndReason): void {
    if (this.#ended) return;
    this.#send({ type: 'bye' });
    this.#end(reason);
  }

  get #greeted(): boolean {
    return this.#instance !== undefined;
  }

  #handleFrame(frame: Uint8Array): void {
    if (this.#ended) return;
    try {
      this.#handle(decodePeerMessage(frame));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#end(error.code === 'unsupported-version' ? 'version' : 'misbehaved');
    }
  }

  #handle(message: PeerMessage): void {
    if (message.type !== 'hello' && !this.#greeted) throw new ProtocolError('bad-value', 'no hello');
    switch (message.type) {
      case 'hello':
        this.#handleHello(message);
        break;
      case 'packs':
        this.#charge(1);
        this.#remote.announce(message.packs);
        break;
      case 'bitfield':
        this.#charge(BITFIELD_COST);
        this.#remote.setBitfield(message.pack, message.bits);
        this.#offer(message.pack, undefined);
        break;
      case 'have':
        this.#handleHave(message);
        break;
      case 'request':
        this.#handleRequest(message);
        break;
      case 'cancel':
        this.#charge(1);
        this.#uploads.cancel(message.request);
        break;
      case 'reject':
        this.#handleReject(message);
        break;
      case 'data':
        this.#handleData(message);
        break;
      case 'ping':
        this.#charge(1);
        this.#send({ type: 'pong', token: message.token });
        // The first one follows the bitfields.
        this.#host.onHeard();
        break;
      case 'pong':
        this.#charge(1);
        this.window.onRoundTrip(this.#host.now() - this.#pingSentMs);
        break;
      case 'bye':
        this.#end('closed');
        break;
      default:
        message satisfies never;
    }
  }

  #handleHello(message: PeerMessage & { type: 'hello' }): void {
    if (this.#greeted) throw new ProtocolError('bad-value', 'second hello');
    this.#instance = message.instance;
    this.#remote.announce(message.packs);
    this.#host.onGreeting(this);
    if (this.#ended) return;
    this.#host.onOffer(this, undefined);
  }

  #handleHave({ pack, first, count }: PeerMessage & { type: 'have' }): void {
    const isNews = this.#remote.addRun(pack, first, count);
    this.#charge(isNews ? HAVE_COST : 1);
    if (isNews) this.#offer(pack, { first, count });
  }

  #handleRequest(message: PeerMessage & { type: 'request' }): void {
    if (this.#isLeaving) return;
    const { request, first, count } = message;
    const pack = this.#host.pack(this.#remote.id(message.pack));
    const valid = pack !== undefined && first + count <= pack.chunks.length;
    this.#charge(requestCost(valid ? bytesOf({ pack, first, count }) : 0));
    if (!valid || !this.#uploads.add(request, { pack, first, count })) this.#send({ type: 'reject', request });
  }

  #handleReject(message: PeerMessage & { type: 'reject' }): void {
    const download = this.#downloads.get(message.request);
    if (download === undefined) {
      // Cancelled at the same time, or never asked for.
      this.#charge(1);
      return;
    }
    const refused = [...download.remaining()];
    const doubted = this.#conduct.onReject(message.request, this.#nextRequest);
    this.#finish(download);
    this.#giveUp(refused, doubted);
  }

  /** These do not come; of the first of them we believe that the peer does not have them. */
  #giveUp(chunks: readonly ChunkLocation[], doubted: number): void {
    for (const { pack, index } of chunks.slice(0, doubted)) this.#remote.forget(pack.id, index);
    this.#host.onRefused(this, chunks);
    if (this.#conduct.isUseless) this.close('useless');
  }

  #handleData(message: DataMessage): void {
    const nowMs = this.#host.now();
    const { length } = message.bytes;
    this.window.onBytes(length, nowMs);
    const download = this.#downloads.get(message.request);
    if (download === undefined) {
      this.#conduct.onLateData(length, nowMs);
      this.#host.onUnneeded(length);
      return;
    }
    this.#conduct.onMoved(length);
    this.#pace.onBytes(length, nowMs);
    const arrived = download.take(message);
    if (arrived === undefined) {
      // Far below the largest fragment it costs more than it earns.
      this.#charge(1);
      return;
    }
    this.#conduct.onChunk();
    this.#promptness.onChunk(message.request, nowMs);
    if (download.complete) this.#finish(download);
    this.#host.onChunk(this, arrived.location, arrived.stored);
  }

  #offer(number: number, run: { first: number; count: number } | undefined): void {
    const pack = this.#host.pack(this.#remote.id(number));
    // Of a pack that we do not know there is nothing to ask for.
    if (pack !== undefined) this.#host.onOffer(this, run && { pack, ...run });
  }

  #charge(messages: number): void {
    this.#conduct.charge(messages, this.#host.now());
  }

  #finish(download: Download): void {
    this.#downloads.delete(download.request);
    this.#pace.onEnd(download.request, this.#host.now());
    if (this.#downloads.size === 0) this.window.onIdle();
  }

  #sendBitfield(pack: CatalogPack, holdings: Holdings): void {
    const bits = holdings.bitfield(pack);
    if (bits.count === 0) return;
    this.#send({ type: 'bitfield', pack: this.#announced.get(pack.id) as number, bits: bits.toBytes() });
  }

  #send(message: PeerMessage): void {
    if (this.#link.bufferedBytes > MAX_UNREAD_BYTES) this.#end('stalled');
    else this.#link.send(encodePeerMessage(message));
  }

  #end(reason: EndReason): void {
    if (this.#ended) return;
    this.#ended = true;
    const unanswered = [...this.#downloads.values()].flatMap((download) => [...download.remaining()]);
    this.#downloads.clear();
    this.#remote.clear();
    this.#uploads.close();
    this.#link.close();
    this.#host.onEnd(this, reason, unanswered);
  }
}

function announcement(pack: CatalogPack): { id: PackId; chunkCount: number } {
  return { id: pack.id, chunkCount: pack.chunks.length };
}

function bytesOf({ pack, first, count }: Span): number {
  return (pack.offsets[first + count] as number) - (pack.offsets[first] as number);
}
