import type { PeerConnection } from 'node-datachannel';
import type { CancelTimer, Clock, Dialer, DialHandlers, Dialing, DialRequest } from '../core/ports.ts';
import { CONNECT_LIMIT_MS } from '../platform/rtc-dialer.ts';
import { signalFromLibrary } from '../platform/rtc-signal.ts';
import { SignalGate } from '../platform/signal-gate.ts';
import type { IceServer, PeerSignal } from '../protocol/signal-message.ts';
import { DataChannelLink } from './datachannel-link.ts';

/**
 * How long the called end waits for the caller's checks before it begins its own. The library starts ICE with an answer
 * before it stores the answer's fingerprint: a called end that is already calling back can complete the DTLS handshake in
 * between, and is refused (1 connection in 150, in 24 on a busy machine). A caller keeps its candidates to itself until
 * then, so that a browser, which does not wait, cannot call back.
 */
const CALLER_FIRST_MS = 100;

/** The part of `node-datachannel` that a dialer needs. */
export interface DataChannelLibrary {
  readonly PeerConnection: typeof PeerConnection;
}

/**
 * Connections by `node-datachannel`, without simple-peer: its W3C polyfill gives descriptions that cannot be written to
 * and insists on a label, and simple-peer needs both otherwise.
 */
export function dataChannelDialer(library: DataChannelLibrary, clock: Clock): Dialer {
  return { dial: (request, handlers) => new DataChannelDialing(library, clock, request, handlers) };
}

class DataChannelDialing implements Dialing {
  readonly #clock: Clock;
  readonly #handlers: DialHandlers;
  readonly #gate: SignalGate;
  readonly #isCaller: boolean;
  readonly #cancelLimit: CancelTimer;
  /** Candidates that came before they may be used. */
  #early: PeerSignal[] = [];
  /** Our own that the called end must not have yet. */
  #withheld: PeerSignal[] = [];
  #connection: PeerConnection | undefined;
  #takesCandidates = false;
  #isDone = false;

  constructor(library: DataChannelLibrary, clock: Clock, request: DialRequest, handlers: DialHandlers) {
    this.#clock = clock;
    this.#handlers = handlers;
    this.#gate = new SignalGate(request.initiator);
    this.#isCaller = request.initiator;
    this.#cancelLimit = clock.after(CONNECT_LIMIT_MS, () => this.#fail('timed out'));
    // Not inside this call: whoever dials has not got the dialing yet.
    queueMicrotask(() => this.#construct(library, clock, request));
  }

  handleSignal(signal: PeerSignal): void {
    if (this.#isDone || !this.#gate.accepts(signal)) return;
    if (this.#connection === undefined || (signal.type === 'candidate' && !this.#takesCandidates))
      this.#early.push(signal);
    else this.#pass(this.#connection, signal);
  }

  close(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#cancelLimit();
    this.#connection?.close();
  }

  #construct(library: DataChannelLibrary, clock: Clock, request: DialRequest): void {
    if (this.#isDone) return;
    try {
      const connection = new library.PeerConnection('', {
        iceServers: request.iceServers.flatMap(serverUrls),
        // Both ends make the channel themselves, so it must not make an offer by itself.
        disableAutoNegotiation: true,
      });
      this.#connection = connection;
      connection.onLocalDescription((sdp, type) => this.#emit({ type, sdp }));
      connection.onLocalCandidate((candidate, sdpMid) =>
        // The only media section of a connection for data is the first.
        this.#emit({
          type: 'candidate',
          candidate: { candidate: candidate.replace(/^a=/, ''), sdpMid, sdpMLineIndex: 0 },
        }),
      );
      connection.onStateChange((state) => {
        if (state === 'failed' || state === 'closed') this.#fail(state);
      });
      const channel = connection.createDataChannel('tabseed', { negotiated: true, id: 0 });
      const link = new DataChannelLink(connection, channel, clock);
      channel.onOpen(() => this.#open(link));
      if (request.initiator) connection.setLocalDescription('offer');
      this.#passEarly(connection);
    } catch (error) {
      this.#fail(String(error));
    }
  }

  #takeCandidates(connection: PeerConnection): void {
    // It may be open already, or given up.
    if (this.#isDone) return;
    this.#takesCandidates = true;
    this.#passEarly(connection);
    for (const signal of this.#withheld.splice(0)) this.#handlers.onSignal(signal);
  }

  #passEarly(connection: PeerConnection): void {
    for (const signal of this.#early.splice(0)) {
      if (signal.type === 'candidate' && !this.#takesCandidates) this.#early.push(signal);
      else this.#pass(connection, signal);
    }
  }

  #pass(connection: PeerConnection, signal: PeerSignal): void {
    if (signal.type === 'candidate') {
      try {
        connection.addRemoteCandidate(signal.candidate, signal.sdpMid ?? '0');
      } catch {
        // A kind of path that it does not know, such as TCP: others are left.
      }
      return;
    }
    try {
      connection.setRemoteDescription(signal.sdp, signal.type);
      if (signal.type === 'offer') connection.setLocalDescription('answer');
    } catch (error) {
      this.#fail(`signal refused: ${String(error)}`);
      return;
    }
    if (signal.type === 'answer') this.#takeCandidates(connection);
    else this.#clock.after(CALLER_FIRST_MS, () => this.#takeCandidates(connection));
  }

  #emit(data: object): void {
    const signal = signalFromLibrary(data);
    if (this.#isDone || signal === undefined) return;
    if (this.#isCaller && signal.type === 'candidate' && !this.#takesCandidates) this.#withheld.push(signal);
    else this.#handlers.onSignal(signal);
  }

  #open(link: DataChannelLink): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#cancelLimit();
    link.takeOver();
    this.#handlers.onOpen(link);
  }

  #fail(reason: string): void {
    if (this.#isDone) return;
    this.close();
    this.#handlers.onFailed(reason);
  }
}

/** It takes a user's name and password in the URL. */
function serverUrls({ urls, username, credential }: IceServer): string[] {
  if (username === undefined || credential === undefined) return [...urls];
  const user = `${encodeURIComponent(username)}:${encodeURIComponent(credential)}@`;
  return urls.map((url) => url.replace(/^(turns?:)/, `$1${user}`));
}
