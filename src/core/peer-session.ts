import { ProtocolError } from '../protocol/errors.ts';
import type { InstanceId, PeerId, Sha256 } from '../protocol/identifier.ts';
import { decodePeerMessage, encodePeerMessage, type PeerMessage } from '../protocol/peer-message.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import type { CatalogPack, ChunkLocation, Span } from './catalog.ts';
import { DownloadQueue } from './download-queue.ts';
import type { Holdings } from './holdings.ts';
import { Liveness } from './liveness.ts';
import { requestCost } from './message-budget.ts';
import { PackAnnouncer } from './pack-announcer.ts';
import { BITFIELD_COST, HAVE_COST, MANIFEST_PART_COST, PeerConduct, SMALL_PART_BYTES } from './peer-conduct.ts';
import { PeerNews } from './peer-news.ts';
import { LINK_HIGH_WATER_BYTES, type PeerLink } from './ports.ts';
import { RemotePacks } from './remote-packs.ts';
import { RoundTrips } from './round-trips.ts';
import type { EndReason, SessionHost } from './session-host.ts';
import { UploadQueue } from './upload-queue.ts';

/** A peer that leaves so much unread does not read; what we send apart from chunks would pile up without end. */
const MAX_UNREAD_BYTES = 2 * LINK_HIGH_WATER_BYTES;

/** One peer: what it has, what it was asked, what it asks. Messages in by the link, consequences out to the host. */
export class PeerSession {
  readonly peer: PeerId;
  /** What it was asked for. */
  readonly downloads: DownloadQueue;
  readonly #link: PeerLink;
  readonly #host: SessionHost;
  readonly #uploads: UploadQueue;
  readonly #remote: RemotePacks;
  readonly #announcer = new PackAnnouncer((message) => this.#send(message));
  readonly #news: PeerNews;
  readonly #roundTrips = new RoundTrips();
  readonly #liveness: Liveness;
  readonly #conduct: PeerConduct;
  #instance: InstanceId | undefined;
  #ended = false;
  #isLeaving = false;

  constructor(peer: PeerId, link: PeerLink, host: SessionHost) {
    this.peer = peer;
    this.#link = link;
    this.#host = host;
    const nowMs = host.now();
    this.#liveness = new Liveness(nowMs);
    this.#remote = new RemotePacks((pack, index, by) => host.onAvailability(pack, index, by));
    this.#conduct = new PeerConduct(nowMs);
    this.#news = new PeerNews({
      uploadCap: host.uploadCap,
      news: () => host.news(),
      send: (message) => this.#send(message),
    });
    this.downloads = new DownloadQueue(this.#conduct, {
      now: () => host.now(),
      isOpen: () => this.#greeted && !this.#ended,
      send: (message) => this.#send(message),
      numberOf: (pack) => this.#announcer.numberOf(pack),
      isElsewhere: (chunk) => host.isElsewhere(chunk),
      onChunk: (location, stored) => host.onChunk(this, location, stored),
      onUnneeded: (bytes) => host.onUnneeded(bytes),
      onRefused: (chunks, doubted) => this.#handleRefusal(chunks, doubted),
    });
    this.#uploads = new UploadQueue(link, {
      frame: host.frame,
      uploadCap: host.uploadCap,
      uploadSlots: host.uploadSlots,
      now: () => host.now(),
      heldChunks: () => this.#remote.heldChunks,
      read: (chunks) => host.read(chunks),
      onUploaded: (plainBytes, wireBytes) => {
        this.#conduct.onMoved(wireBytes);
        host.onUploaded(this, plainBytes, wireBytes);
      },
    });
  }

  /** Says hello and what we have. */
  start(packs: Iterable<CatalogPack>, holdings: Holdings): void {
    const known = [...packs];
    const first = this.#announcer.greet(known);
    this.#send({ type: 'hello', version: PROTOCOL_VERSION, instance: this.#host.instance, packs: first });
    this.#announcer.offerSome(known.slice(0, first.length), holdings);
    this.#announcer.announce(known, holdings);
    this.#ping();
    this.#news.tell();
    // What the path takes without a queue: later there may always be one, our own.
    void this.queueingMs();
    this.#link.bind({
      onFrame: (frame) => this.#handleFrame(frame),
      onWritable: () => this.#uploads.onWritable(),
      onClose: () => this.#end('closed'),
    });
  }

  /** Announces packs that became known after the start. */
  announce(packs: Iterable<CatalogPack>, holdings: Holdings): void {
    this.#announcer.announce(packs, holdings);
  }

  /** Says anew what we offer of each pack, be it nothing. */
  offer(packs: Iterable<CatalogPack>, holdings: Holdings): void {
    this.#announcer.offerAll(packs, holdings);
  }

  /** Tells of the newest release that we know, unless it was told before. */
  tellNews(): void {
    this.#news.tell();
  }

  /** Resolves with a manifest that the peer has told of, not verified; `undefined` when it does not come. */
  pullManifest(manifest: Sha256, length: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#news.pull(manifest, length);
  }

  /** Takes no request any more. A new one gets no answer: the end of the connection, soon, is the answer. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** A request is being answered. */
  get isUploading(): boolean {
    return this.#uploads.isBusy;
  }

  /** The shortest round trip that was seen; infinite before the first. */
  get shortestMs(): number {
    return this.#roundTrips.shortestMs;
  }

  /**
   * By how much the path's round trip is above the shortest of late; `undefined`: nothing new was measured. In mode `site`
   * it may turn out that the peer is elsewhere, and the session ends.
   */
  async queueingMs(): Promise<number | undefined> {
    const roundTripMs = await this.#link.roundTripMs?.();
    if (roundTripMs === undefined) return undefined;
    const queueingMs = this.#roundTrips.add(roundTripMs);
    if (this.#host.isSiteOnly && this.#roundTrips.isFar) this.close('far');
    return queueingMs;
  }

  /** The peer gets nothing of what it has asked for. */
  rejectRequests(): void {
    this.#uploads.rejectAll();
  }

  /** Tells of a run of chunks that we hold now, unless the peer has them all itself. */
  have({ pack, first, count }: Span): void {
    const number = this.#announcer.numberOf(pack.id);
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

  /** Chunks that it says it has. */
  get heldChunks(): number {
    return this.#remote.heldChunks;
  }

  /** Our own timers were late by so much: what the peer sent meanwhile may wait to be read. */
  onOwnDelay(lateMs: number): void {
    this.#liveness.onOwnDelay(lateMs);
    this.downloads.onOwnDelay(lateMs);
  }

  /**
   * Next to nothing came although something was asked for, not even the answer to a ping, or not even a hello. Who is
   * there and slow, with a dozen others to serve, keeps its requests until they are late.
   */
  isStalled(nowMs: number): boolean {
    if (!this.#greeted) return this.#liveness.isHelloLate(nowMs);
    return this.#liveness.isAnswerLate(nowMs) && this.downloads.isSilent(nowMs);
  }

  /** Asks who gives nothing whether it is there. */
  probe(nowMs: number): void {
    if (this.#liveness.isPingDue(this.downloads.silentMs(nowMs), nowMs)) this.#ping();
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
        this.downloads.handleReject(message.request);
        break;
      case 'data':
        this.downloads.handleData(message);
        break;
      case 'ping':
        this.#charge(1);
        this.#send({ type: 'pong', token: message.token });
        // The first one follows the bitfields.
        this.#host.onHeard();
        break;
      case 'pong':
        this.#charge(1);
        this.downloads.window.onRoundTrip(this.#liveness.onPong(this.#host.now()));
        break;
      case 'bye':
        this.#end('closed');
        break;
      case 'pointer':
        this.#charge(1);
        this.#host.onPointer(this, message.bytes);
        break;
      case 'manifest-request':
        this.#charge(MANIFEST_PART_COST);
        this.#answerNews(message);
        break;
      case 'manifest-part':
        // Each costs us a request; byte by byte a manifest would never end.
        if (message.bytes.length < SMALL_PART_BYTES) this.#charge(1);
        this.#news.handlePart(message);
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

  #answerNews(message: PeerMessage & { type: 'manifest-request' }): void {
    this.#news.handleRequest(message).catch(() => this.#end('misbehaved'));
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

  #handleRefusal(chunks: readonly ChunkLocation[], doubted: number): void {
    for (const { pack, index } of chunks.slice(0, doubted)) this.#remote.forget(pack.id, index);
    this.#host.onRefused(this, chunks);
    if (this.#conduct.isUseless) this.close('useless');
  }

  #offer(number: number, run: { first: number; count: number } | undefined): void {
    const pack = this.#host.pack(this.#remote.id(number));
    // Of a pack that we do not know there is nothing to ask for.
    if (pack !== undefined) this.#host.onOffer(this, run && { pack, ...run });
  }

  #ping(): void {
    this.#liveness.onPing(this.#host.now());
    this.#send({ type: 'ping', token: 0 });
  }

  #charge(messages: number): void {
    this.#conduct.charge(messages, this.#host.now());
  }

  #send(message: PeerMessage): void {
    if (this.#link.bufferedBytes > MAX_UNREAD_BYTES) this.#end('stalled');
    else this.#link.send(encodePeerMessage(message));
  }

  #end(reason: EndReason): void {
    if (this.#ended) return;
    this.#ended = true;
    const unanswered = this.downloads.close();
    this.#remote.clear();
    this.#news.close();
    this.#uploads.close();
    this.#link.close();
    this.#host.onEnd(this, reason, unanswered);
  }
}

function bytesOf({ pack, first, count }: Span): number {
  return (pack.offsets[first + count] as number) - (pack.offsets[first] as number);
}
