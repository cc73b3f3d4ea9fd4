import { backoffMs } from '../core/backoff.ts';
import type { LeaseWant } from '../core/lease-holder.ts';
import type { CancelTimer, Clock, Random, Signaling, SignalingHandlers } from '../core/ports.ts';
import type { PeerId, Sha256 } from '../protocol/identifier.ts';
import type { PeerSignal, Reach, ServerSignalMessage } from '../protocol/signal-message.ts';
import { SignalingSocket, type WebSocketLike } from './signaling-socket.ts';

/** 1 s: a restarting server is back by then. 30 s: a thousand waiting clients are 50 attempts a second. */
const RECONNECT = { firstMs: 1000, maximumMs: 30_000 };
/** A connection that lasted so long was a good one: the next attempt starts from the shortest delay again. */
const STABLE_MS = 30_000;
export interface WebSocketSignalingOptions {
  /** `ws:` or `wss:`. */
  readonly url: string;
  readonly room: Sha256;
  readonly reach: Reach;
  /** Always there, and giving: a Node peer. */
  readonly isSeed?: boolean;
  readonly clock: Clock;
  readonly random: Random;
  /** May throw, as `new WebSocket` does on a URL that the page's policy forbids. */
  readonly connect: (url: string) => WebSocketLike;
}

/** Signaling over a WebSocket that reconnects by itself. Nothing is queued while it is away. */
export function webSocketSignaling(options: WebSocketSignalingOptions): Signaling {
  return new WebSocketSignaling(options);
}

class WebSocketSignaling implements Signaling {
  readonly #options: WebSocketSignalingOptions;
  #handlers: SignalingHandlers | undefined;
  #connection: SignalingSocket | undefined;
  #cancelRetry: CancelTimer | undefined;
  #attempt = 0;
  #isDown = false;
  #isClosed = false;

  constructor(options: WebSocketSignalingOptions) {
    this.#options = options;
  }

  open(handlers: SignalingHandlers): void {
    if (this.#handlers !== undefined) throw new Error('signaling is opened once');
    this.#handlers = handlers;
    this.#connect();
  }

  send(to: PeerId, signal: PeerSignal): void {
    this.#connection?.send({ type: 'signal', to, signal });
  }

  match(count: number, partners = 0): void {
    this.#connection?.send({ type: 'match', count, partners });
  }

  unmatch(peer: PeerId): void {
    this.#connection?.send({ type: 'unmatch', peer });
  }

  want(want: LeaseWant): void {
    this.#connection?.send({ type: 'want', ...want });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry?.();
    await this.#connection?.close();
  }

  #connect(): void {
    const { clock } = this.#options;
    const startedMs = clock.now();
    this.#connection = new SignalingSocket(this.#options, {
      onMessage: (message) => this.#handle(message),
      onEnd: (reason) => {
        this.#connection = undefined;
        if (this.#isClosed) return;
        if (clock.now() - startedMs >= STABLE_MS) this.#attempt = 0;
        const delayMs = backoffMs(this.#attempt, RECONNECT, this.#options.random);
        this.#attempt += 1;
        this.#cancelRetry = clock.after(delayMs, () => this.#connect());
        this.#tellDown(reason);
      },
    });
  }

  /** Once for each time that the server went away, not for each attempt. */
  #tellDown(reason: string): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#handlers?.onDown(reason);
  }

  #handle(message: ServerSignalMessage): void {
    if (this.#isClosed) return;
    switch (message.type) {
      case 'welcome':
        this.#isDown = false;
        this.#handlers?.onWelcome(message);
        break;
      case 'partner':
        this.#handlers?.onPartner(message);
        break;
      case 'signal':
        this.#handlers?.onSignal(message.from, message.signal);
        break;
      case 'gone':
        this.#handlers?.onGone(message.peer);
        break;
      case 'leases':
        this.#handlers?.onLeases(message.leases);
        break;
      case 'heartbeat':
        break;
      case 'error':
        this.#connection?.end(`the server says ${message.code}: ${message.message}`);
        break;
      default:
        message satisfies never;
    }
  }
}
