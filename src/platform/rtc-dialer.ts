import type { SimplePeerOptions } from 'simple-peer/simplepeer.min.js';
import type { CancelTimer, Clock, Dialer, DialHandlers, Dialing, DialRequest } from '../core/ports.ts';
import type { PeerSignal } from '../protocol/signal-message.ts';
import { RtcLink } from './rtc-link.ts';
import { candidateToLibrary, signalFromLibrary } from './rtc-signal.ts';
import { SignalGate } from './signal-gate.ts';
import {
  connectionOf,
  dropListeners,
  endPeer,
  type SimplePeerConstructor,
  type SimplePeerInstance,
} from './simple-peer.ts';

/** ICE, DTLS and SCTP take 0.3–1.5 s between machines that can reach each other; a TURN relay some more. */
export const CONNECT_LIMIT_MS = 15_000;
/**
 * Both ends make the channel themselves instead of one announcing it to the other (RFC 8832). It saves a round trip, and
 * `@roamhq/wrtc` swaps messages that arrive while its `datachannel` event is under way (1 connection in 150, under load).
 */
const CHANNEL: RTCDataChannelInit = { negotiated: true, id: 0, ordered: true };

export interface RtcDialerOptions {
  /** Called once, at the first dial. */
  readonly load: () => Promise<SimplePeerConstructor>;
  /** Another implementation of WebRTC, such as `@roamhq/wrtc`; browsers bring their own. */
  readonly wrtc?: object;
  readonly clock: Clock;
}

export interface RtcDialer extends Dialer {
  /** Cuts every connection in this very turn: a page with an open one is not kept for a way back. */
  cut(): void;
}

/** Connections by simple-peer, one constructed for each named partner. */
export function rtcDialer(options: RtcDialerOptions): RtcDialer {
  const links = new Set<RtcLink>();
  let library: Promise<SimplePeerConstructor> | undefined;
  const load = (): Promise<SimplePeerConstructor> => {
    library ??= options.load().catch((error: unknown) => {
      library = undefined; // A lost connection while loading must not disable peers for good.
      throw error;
    });
    return library;
  };
  return {
    dial: (request, handlers) => new RtcDialing(load, options, request, handlers, links),
    cut() {
      for (const link of links) link.cut();
    },
  };
}

class RtcDialing implements Dialing {
  readonly #options: RtcDialerOptions;
  readonly #request: DialRequest;
  readonly #handlers: DialHandlers;
  readonly #links: Set<RtcLink>;
  readonly #cancelLimit: CancelTimer;
  readonly #gate: SignalGate;
  /** What came before the library was there. */
  #early: PeerSignal[] = [];
  #peer: SimplePeerInstance | undefined;
  #isDone = false;

  constructor(
    load: () => Promise<SimplePeerConstructor>,
    options: RtcDialerOptions,
    request: DialRequest,
    handlers: DialHandlers,
    links: Set<RtcLink>,
  ) {
    this.#links = links;
    this.#options = options;
    this.#request = request;
    this.#handlers = handlers;
    this.#gate = new SignalGate(request.initiator);
    this.#cancelLimit = options.clock.after(CONNECT_LIMIT_MS, () => this.#fail('timed out'));
    load().then(
      (library) => this.#construct(library),
      (error: unknown) => this.#fail(`WebRTC library not loaded: ${String(error)}`),
    );
  }

  handleSignal(signal: PeerSignal): void {
    if (this.#isDone || !this.#gate.accepts(signal)) return;
    if (this.#peer === undefined) this.#early.push(signal);
    else this.#pass(this.#peer, signal);
  }

  close(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#cancelLimit();
    if (this.#peer !== undefined) endPeer(this.#peer, connectionOf(this.#peer));
  }

  #construct(library: SimplePeerConstructor): void {
    if (this.#isDone) return;
    try {
      const peer = new library(this.#peerOptions());
      this.#peer = peer;
      peer.on('signal', (data) => this.#emitSignal(data));
      peer.on('connect', () => this.#open(peer));
      peer.on('error', (error) => this.#fail(error.message));
      peer.on('close', () => this.#fail('closed before it was open'));
      for (const signal of this.#early) this.#pass(peer, signal);
      this.#early = [];
    } catch (error) {
      // No WebRTC here, or Chromium's 500 connections are used up.
      this.#fail(String(error));
    }
  }

  #peerOptions(): SimplePeerOptions {
    const iceServers = this.#request.iceServers.map((server) => ({ ...server, urls: [...server.urls] }));
    return {
      initiator: this.#request.initiator,
      trickle: true,
      objectMode: true,
      channelConfig: CHANNEL,
      // Always given, even when empty: simple-peer's own default contacts public STUN servers.
      config: { iceServers },
      ...(this.#options.wrtc === undefined ? {} : { wrtc: this.#options.wrtc }),
    };
  }

  #pass(peer: SimplePeerInstance, signal: PeerSignal): void {
    try {
      peer.signal(signal.type === 'candidate' ? candidateToLibrary(signal) : { type: signal.type, sdp: signal.sdp });
    } catch (error) {
      this.#fail(`signal refused: ${String(error)}`);
    }
  }

  #emitSignal(data: unknown): void {
    const signal = signalFromLibrary(data);
    if (!this.#isDone && signal !== undefined) this.#handlers.onSignal(signal);
  }

  #open(peer: SimplePeerInstance): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#cancelLimit();
    // Candidates that are found late would still be sent; the channel works without them.
    dropListeners(peer);
    const link = new RtcLink(peer, this.#options.clock, (ended) => this.#links.delete(ended));
    this.#links.add(link);
    this.#handlers.onOpen(link);
  }

  #fail(reason: string): void {
    if (this.#isDone) return;
    this.close();
    this.#handlers.onFailed(reason);
  }
}
