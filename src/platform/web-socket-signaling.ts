import { backoffMs } from '../core/backoff.ts';
import type { CancelTimer, Clock, Random, Signaling, SignalingHandlers } from '../core/ports.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { PeerId, Sha256 } from '../protocol/identifier.ts';
import {
  type ClientSignalMessage,
  decodeServerSignalMessage,
  type PeerSignal,
  type ServerSignalMessage,
} from '../protocol/signal-message.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';

/** 1 s: a restarting server is back by then. 30 s: a thousand waiting clients are 50 attempts a second. */
const RECONNECT = { firstMs: 1000, maximumMs: 30_000 };
/** A connection that lasted so long was a good one: the next attempt starts from the shortest delay again. */
const STABLE_MS = 30_000;
/** From the attempt to the welcome; slow TLS and a loaded server fit in. */
const WELCOME_LIMIT_MS = 10_000;
/** For the closing handshake; a dead connection never finishes it. */
const CLOSE_LIMIT_MS = 2000;

/** What a browser's WebSocket and that of `ws` have in common. */
export interface WebSocketLike {
  send(text: string): void;
  close(): void;
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
}

export interface WebSocketSignalingOptions {
  /** `ws:` or `wss:`. */
  readonly url: string;
  readonly room: Sha256;
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
  #connection: Connection | undefined;
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

  match(count: number): void {
    this.#connection?.send({ type: 'match', count });
  }

  unmatch(peer: PeerId): void {
    this.#connection?.send({ type: 'unmatch', peer });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry?.();
    await this.#connection?.close();
  }

  #connect(): void {
    const { clock } = this.#options;
    const startedMs = clock.now();
    this.#connection = new Connection(this.#options, {
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
      case 'error':
        this.#connection?.end(`the server says ${message.code}: ${message.message}`);
        break;
      default:
        message satisfies never;
    }
  }
}

interface ConnectionHandlers {
  onMessage(message: ServerSignalMessage): void;
  /** Called once. */
  onEnd(reason: string): void;
}

/** One socket from its attempt to its end. */
class Connection {
  readonly #clock: Clock;
  readonly #handlers: ConnectionHandlers;
  readonly #socket: WebSocketLike | undefined;
  readonly #cancelLimit: CancelTimer;
  readonly #closed: Promise<void>;
  #isWelcome = false;
  #hasEnded = false;

  constructor({ url, room, clock, connect }: WebSocketSignalingOptions, handlers: ConnectionHandlers) {
    this.#clock = clock;
    this.#handlers = handlers;
    this.#cancelLimit = clock.after(WELCOME_LIMIT_MS, () => this.end('no welcome in time'));
    const socket = attempt(connect, url);
    this.#socket = socket;
    if (socket === undefined) {
      this.#closed = Promise.resolve();
      clock.after(0, () => this.end(`no connection to ${url} is allowed`));
      return;
    }
    this.#closed = new Promise((resolve) => socket.addEventListener('close', resolve));
    socket.addEventListener('open', () => {
      if (!this.#hasEnded) this.#write({ type: 'join', version: PROTOCOL_VERSION, room });
    });
    socket.addEventListener('message', ({ data }) => this.#receive(data));
    socket.addEventListener('close', () => this.end('the connection was closed'));
    socket.addEventListener('error', () => this.end('the connection failed'));
  }

  /** Lost before the welcome: partners do not exist yet, and the engine asks again then. */
  send(message: ClientSignalMessage): void {
    if (this.#isWelcome && !this.#hasEnded) this.#write(message);
  }

  end(reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#cancelLimit();
    this.#socket?.close();
    this.#handlers.onEnd(reason);
  }

  async close(): Promise<void> {
    this.end('closed');
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(CLOSE_LIMIT_MS, resolve);
      void this.#closed.then(() => {
        cancel();
        resolve();
      });
    });
  }

  #write(message: ClientSignalMessage): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #receive(data: unknown): void {
    if (this.#hasEnded) return;
    try {
      if (typeof data !== 'string') throw new ProtocolError('bad-text', 'a binary signaling message');
      const message = decodeServerSignalMessage(data);
      if (message.type === 'welcome') {
        this.#isWelcome = true;
        this.#cancelLimit();
      }
      this.#handlers.onMessage(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.end(`bad message: ${error.message}`);
    }
  }
}

function attempt(connect: (url: string) => WebSocketLike, url: string): WebSocketLike | undefined {
  try {
    return connect(url);
  } catch {
    // A bad URL or a policy that forbids it: like a server that never answers.
    return undefined;
  }
}
