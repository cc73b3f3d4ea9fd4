import {
  type Clock,
  type Dialer,
  type DialHandlers,
  type Dialing,
  type DialRequest,
  LINK_HIGH_WATER_BYTES,
  type LinkHandlers,
  type PeerLink,
  type Random,
} from '../../src/core/ports.ts';
import { type DataMessage, decodePeerMessage, encodePeerMessage } from '../../src/protocol/peer-message.ts';
import type { PeerSignal } from '../../src/protocol/signal-message.ts';
import { ReceivingLine, SendingLine } from './access-line.ts';
import type { SimRelease } from './sim-release.ts';

const DIAL_TIMEOUT_MS = 15_000;
/** ICE, DTLS and SCTP one after the other. */
const SETUP_ROUND_TRIPS = 4;
/** How long a browser takes to notice that the other side is gone. */
const LOSS_NOTICED_MS = 5000;
/** How a `data` frame begins. What the others take on a line is not counted. */
const DATA_TAG = encodePeerMessage({
  type: 'data',
  request: 0,
  chunk: 0,
  encoding: 'identity',
  encodedBytes: 1,
  offset: 0,
  bytes: new Uint8Array(1),
})[0];

/** Where a peer is connected to the network. */
export interface HostProfile {
  readonly uploadBytesPerMs: number;
  readonly downloadBytesPerMs: number;
  /** To the middle of the network, one way. */
  readonly latencyMs: number;
  readonly site: Site | undefined;
  /** What it sends is wrong. */
  readonly isPolluter: boolean;
}

/** Peers on one local network behind one line. */
export interface Site {
  readonly line: ReceivingLine;
}

const SITE_LATENCY_MS = 1;

/** One peer's end of all its links. */
export class Host {
  readonly profile: HostProfile;
  readonly upload: SendingLine;
  readonly download: ReceivingLine;
  readonly links = new Set<SimLink>();
  readonly #clock: Clock;

  constructor(clock: Clock, profile: HostProfile) {
    this.#clock = clock;
    this.profile = profile;
    this.upload = new SendingLine(clock, profile.uploadBytesPerMs);
    this.download = new ReceivingLine(profile.downloadBytesPerMs);
  }

  /** When `bytes` that a peer sent at `atMs` have come in. Links never leave a site, so its line is not on their way. */
  receive(bytes: number, atMs: number, latencyMs: number): number {
    return this.download.pass(bytes, atMs + latencyMs);
  }

  /**
   * The same for what comes from outside the site. The host's own line is taken when the bytes are through the site's:
   * what waits there must not hold up what peers of the site send meanwhile.
   */
  receiveFromOutside(bytes: number, atMs: number, latencyMs: number, onArrival: () => void): void {
    const comeIn = (reachedMs: number): void => {
      this.#clock.after(this.download.pass(bytes, reachedMs) - this.#clock.now(), onArrival);
    };
    const line = this.profile.site?.line;
    if (line === undefined) {
      comeIn(atMs + latencyMs);
      return;
    }
    const throughMs = line.pass(bytes, atMs + latencyMs);
    this.#clock.after(throughMs - this.#clock.now(), () => comeIn(throughMs));
  }
}

interface Offer {
  readonly host: Host;
  link?: SimLink;
}

/** Who can reach whom, and how the bytes get there. */
export class SimNetwork {
  readonly clock: Clock;
  readonly release: SimRelease;
  readonly #random: Random;
  /** Share of pairs that cannot connect. */
  readonly #natFailures: number;
  readonly #offers = new Map<string, Offer>();
  #offerCount = 0;

  constructor(clock: Clock, random: Random, release: SimRelease, natFailures: number) {
    this.clock = clock;
    this.#random = random;
    this.release = release;
    this.#natFailures = natFailures;
  }

  dialer(host: Host): Dialer {
    return { dial: (request, handlers) => new SimDialing(this, host, request, handlers) };
  }

  offer(host: Host): string {
    this.#offerCount += 1;
    const sdp = String(this.#offerCount);
    this.#offers.set(sdp, { host });
    return sdp;
  }

  /** The answerer's end, `undefined` when these two cannot connect. */
  answer(sdp: string, host: Host): SimLink | undefined {
    const offer = this.#offers.get(sdp);
    if (offer === undefined || this.#random.next() < this.#natFailures) return undefined;
    const [near, far] = SimLink.pair(this, offer.host, host);
    offer.link = near;
    return far;
  }

  /** The initiator's end, once. */
  take(sdp: string): SimLink | undefined {
    const link = this.#offers.get(sdp)?.link;
    this.#offers.delete(sdp);
    return link;
  }
}

class SimDialing implements Dialing {
  readonly #network: SimNetwork;
  readonly host: Host;
  readonly #handlers: DialHandlers;
  readonly #cancelTimeout: () => void;
  #isDone = false;

  constructor(network: SimNetwork, host: Host, request: DialRequest, handlers: DialHandlers) {
    this.#network = network;
    this.host = host;
    this.#handlers = handlers;
    this.#cancelTimeout = network.clock.after(DIAL_TIMEOUT_MS, () => {
      this.#isDone = true;
      handlers.onFailed('timed out');
    });
    if (!request.initiator) return;
    network.clock.after(0, () => {
      if (!this.#isDone) handlers.onSignal({ type: 'offer', sdp: network.offer(host) });
    });
  }

  handleSignal(signal: PeerSignal): void {
    if (this.#isDone || signal.type === 'candidate') return;
    if (signal.type === 'answer') {
      this.#openLater(this.#network.take(signal.sdp));
      return;
    }
    const link = this.#network.answer(signal.sdp, this.host);
    if (link === undefined) return;
    this.#handlers.onSignal({ type: 'answer', sdp: signal.sdp });
    this.#openLater(link);
  }

  close(): void {
    this.#isDone = true;
    this.#cancelTimeout();
  }

  #openLater(link: SimLink | undefined): void {
    if (link === undefined) return;
    this.#network.clock.after(SETUP_ROUND_TRIPS * 2 * link.latencyMs, () => {
      if (this.#isDone) return;
      this.close();
      this.#handlers.onOpen(link);
    });
  }
}

/** A frame on its way: small ones whole, of a `data` frame what it says. */
type Queued = Uint8Array | { readonly data: DataMessage; readonly frameBytes: number; readonly isLast: boolean };

/**
 * One end of a data channel. Its frames leave over the host's line, in turn with those of its other links. Fragments of a
 * chunk are sent one by one and delivered as one frame with the last of them, in memory that all peers share.
 */
export class SimLink implements PeerLink {
  lowWaterBytes = LINK_HIGH_WATER_BYTES / 4;
  readonly latencyMs: number;
  readonly #network: SimNetwork;
  readonly host: Host;
  #other: SimLink | undefined;
  #handlers: LinkHandlers | undefined;
  #inbox: Uint8Array[] = [];
  #outbox: Queued[] = [];
  #bufferedBytes = 0;
  #isClosed = false;
  /** When the last frame that has left arrives: nothing overtakes it. */
  #arrivedMs = 0;
  /** The bytes of the chunk under way, as its first fragment had them. */
  #first: Uint8Array = new Uint8Array();

  private constructor(network: SimNetwork, host: Host, other: Host) {
    this.#network = network;
    this.host = host;
    const isOutside = host.profile.site === undefined || host.profile.site !== other.profile.site;
    this.latencyMs = isOutside ? host.profile.latencyMs + other.profile.latencyMs : SITE_LATENCY_MS;
    host.links.add(this);
  }

  static pair(network: SimNetwork, left: Host, right: Host): [SimLink, SimLink] {
    const ends: [SimLink, SimLink] = [new SimLink(network, left, right), new SimLink(network, right, left)];
    ends[0].#other = ends[1];
    ends[1].#other = ends[0];
    return ends;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  bind(handlers: LinkHandlers): void {
    queueMicrotask(() => {
      this.#handlers = handlers;
      for (const frame of this.#inbox.splice(0)) this.receive(frame);
      if (this.#isClosed) handlers.onClose();
    });
  }

  send(frame: Uint8Array): void {
    if (this.#isClosed) return;
    const wasIdle = this.#outbox.length === 0;
    if (frame[0] !== DATA_TAG) {
      const copy = frame.slice();
      if (wasIdle) this.#deliver(copy, this.#network.clock.now() + this.latencyMs);
      else this.#outbox.push(copy);
      return;
    }
    const data = decodePeerMessage(frame);
    if (data.type !== 'data') return;
    if (data.offset === 0) this.#first = this.#sent(data.bytes);
    const isLast = data.offset + data.bytes.length === data.encodedBytes;
    this.#outbox.push({ data: { ...data, bytes: this.#first }, frameBytes: frame.length, isLast });
    this.#bufferedBytes += frame.length;
    if (wasIdle) this.host.upload.add(this);
  }

  nextBytes(): number | undefined {
    const next = this.#outbox[0];
    return next === undefined || next instanceof Uint8Array ? undefined : next.frameBytes;
  }

  onSent(atMs: number): void {
    const sent = this.#outbox.shift();
    if (sent === undefined || sent instanceof Uint8Array) return;
    const { data, frameBytes, isLast } = sent;
    const other = this.#other?.host;
    const arrivesMs = other?.receive(frameBytes, atMs, this.latencyMs) ?? atMs;
    this.#arrivedMs = arrivesMs;
    const { clock, release } = this.#network;
    if (isLast) {
      clock.after(arrivesMs - clock.now(), () => this.#other?.receive(release.frame(data, data.bytes)));
    }
    while (this.#outbox[0] instanceof Uint8Array) this.#deliver(this.#outbox.shift() as Uint8Array, arrivesMs);
    const before = this.#bufferedBytes;
    this.#bufferedBytes -= frameBytes;
    if (before > this.lowWaterBytes && this.#bufferedBytes <= this.lowWaterBytes) this.#handlers?.onWritable();
  }

  close(): void {
    if (this.#isClosed) return;
    const { clock } = this.#network;
    clock.after(this.latencyMs, () => this.#other?.end());
    clock.after(0, () => this.end());
  }

  /** This side's machine is gone; the other side hears of it later. */
  lose(): void {
    this.end();
    this.#network.clock.after(LOSS_NOTICED_MS, () => this.#other?.end());
  }

  /** A view of memory that does not change: what the sender gave is not ours to keep. */
  #sent(bytes: Uint8Array): Uint8Array {
    const { release } = this.#network;
    return this.host.profile.isPolluter ? release.garbage : release.sameAs(bytes);
  }

  #deliver(frame: Uint8Array, atMs: number): void {
    const { clock } = this.#network;
    this.#arrivedMs = Math.max(atMs, this.#arrivedMs);
    clock.after(this.#arrivedMs - clock.now(), () => this.#other?.receive(frame));
  }

  receive(frame: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#handlers === undefined) this.#inbox.push(frame.slice());
    else this.#handlers.onFrame(frame);
  }

  end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#outbox = [];
    this.#bufferedBytes = 0;
    this.host.links.delete(this);
    this.#handlers?.onClose();
  }
}
