import { MessageBudget } from '../core/message-budget.ts';
import type { CancelTimer, Clock } from '../core/ports.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { Sha256 } from '../protocol/identifier.ts';
import {
  type ClientSignalMessage,
  decodeServerSignalMessage,
  type Reach,
  type ServerSignalMessage,
} from '../protocol/signal-message.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';

/** From the attempt to the welcome; slow TLS and a loaded server fit in. */
const WELCOME_LIMIT_MS = 10_000;
/**
 * The server is asked for a sign of life so often, and has as long to give it: a connection that a sleeping laptop or a
 * changed network has left half-open is noticed within a minute. Nothing else would tell: a client that waits sends nothing.
 */
const HEARTBEAT_MS = 25_000;
/** For the closing handshake; a dead connection never finishes it. */
const CLOSE_LIMIT_MS = 2000;

/** What a browser's WebSocket and that of `ws` have in common. */
export interface WebSocketLike {
  send(text: string): void;
  close(): void;
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
}

interface SignalingSocketOptions {
  readonly url: string;
  readonly room: Sha256;
  readonly reach: Reach;
  readonly isSeed?: boolean;
  readonly clock: Clock;
  readonly connect: (url: string) => WebSocketLike;
}

export interface SignalingSocketHandlers {
  onMessage(message: ServerSignalMessage): void;
  /** Called once. */
  onEnd(reason: string): void;
}

/** One socket from its attempt to its end. */
export class SignalingSocket {
  readonly #clock: Clock;
  readonly #handlers: SignalingSocketHandlers;
  readonly #socket: WebSocketLike | undefined;
  /** Of the welcome, then of the next heartbeat. */
  #cancelTimer: CancelTimer;
  #isAlive = true;
  readonly #closed: Promise<void>;
  /** What the server may send: as much as a peer may, and far more than introductions take. */
  readonly #budget: MessageBudget;
  #isWelcome = false;
  #hasEnded = false;

  constructor({ url, room, reach, isSeed, clock, connect }: SignalingSocketOptions, handlers: SignalingSocketHandlers) {
    this.#clock = clock;
    this.#budget = new MessageBudget(clock.now());
    this.#handlers = handlers;
    this.#cancelTimer = clock.after(WELCOME_LIMIT_MS, () => this.end('no welcome in time'));
    const socket = attempt(connect, url);
    this.#socket = socket;
    if (socket === undefined) {
      this.#closed = Promise.resolve();
      clock.after(0, () => this.end(`no connection to ${url} is allowed`));
      return;
    }
    this.#closed = new Promise((resolve) => socket.addEventListener('close', resolve));
    socket.addEventListener('open', () => {
      if (!this.#hasEnded)
        this.#write({ type: 'join', version: PROTOCOL_VERSION, room, reach, ...(isSeed && { seed: true }) });
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
    this.#cancelTimer();
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

  #beat(): void {
    this.#cancelTimer = this.#clock.after(HEARTBEAT_MS, () => {
      if (!this.#isAlive) {
        this.end('the server is silent');
        return;
      }
      this.#isAlive = false;
      this.#write({ type: 'heartbeat' });
      this.#beat();
    });
  }

  #write(message: ClientSignalMessage): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #receive(data: unknown): void {
    if (this.#hasEnded) return;
    this.#isAlive = true;
    try {
      if (typeof data !== 'string') throw new ProtocolError('bad-text', 'a binary signaling message');
      if (!this.#budget.take(1, this.#clock.now())) throw new ProtocolError('too-large', 'number of messages');
      const message = decodeServerSignalMessage(data);
      if (message.type === 'welcome') {
        if (this.#isWelcome) throw new ProtocolError('bad-value', 'welcome twice');
        this.#isWelcome = true;
        this.#cancelTimer();
        this.#beat();
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
