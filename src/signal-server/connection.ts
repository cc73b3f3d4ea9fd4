import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import type { PeerId } from '../protocol/identifier.ts';
import type { ServerSignalMessage, SignalErrorCode } from '../protocol/signal-message.ts';
import { TokenBucket } from './token-bucket.ts';

/**
 * An introduction costs each side one description and some ten candidates. 300 at once is 20 partners at that rate with
 * room to spare; 30 a second in the long run is three introductions a second, for ever.
 */
const MESSAGE_BURST = 300;
const MESSAGES_PER_SECOND = 30;

/** A reader that is this far behind is not reading: it would take seconds on any line that carries a data channel. */
const MAX_UNSENT_BYTES = 512 * 1024;

const PEER_ID_BYTES = 16;

/** RFC 6455, 7.4.1: 1001 going away, 1008 policy violation; 1013 (IANA registry) try again later. */
const CLOSE_CODE_OF_ERROR: Record<SignalErrorCode, number> = {
  'bad-message': 1008,
  'unsupported-version': 1008,
  'join-timeout': 1008,
  'rate-limited': 1008,
  'room-full': 1013,
  'shutting-down': 1001,
};

/** One WebSocket and the peer id that is bound to it. */
export class Connection {
  readonly peer: PeerId = randomBytes(PEER_ID_BYTES).toString('hex');
  /** Which connections come from the same site; says nothing about where that is. */
  readonly site: string;
  /** Which sites lie in one block of addresses; says nothing about where that is. */
  readonly prefix: string;
  /** Set once it joined. */
  roomName: string | undefined;
  /** The part of the room whose peers it can meet; empty when that is all of it. */
  part = '';
  /** `joining` and `closing` must end by `deadline`. */
  phase: 'joining' | 'joined' | 'closing' = 'joining';
  /** Milliseconds on the server's clock. */
  deadline: number;
  /** False from a ping until its pong. */
  answered = true;
  readonly #socket: WebSocket;
  readonly #bucket: TokenBucket;

  constructor(socket: WebSocket, site: string, prefix: string, now: number, deadline: number) {
    this.#socket = socket;
    this.site = site;
    this.prefix = prefix;
    this.deadline = deadline;
    this.#bucket = new TokenBucket(MESSAGE_BURST, MESSAGES_PER_SECOND, now);
  }

  /** @returns false when this message is one too many. */
  admit(now: number): boolean {
    return this.#bucket.take(now);
  }

  /** @returns false when the client does not read; it is to be dropped. */
  send(message: ServerSignalMessage): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return true;
    if (this.#socket.bufferedAmount > MAX_UNSENT_BYTES) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  ping(): void {
    this.answered = false;
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }

  /** Tells the client why, then begins the closing handshake, which must end by `deadline`. */
  fail(code: SignalErrorCode, message: string, deadline: number): void {
    this.phase = 'closing';
    this.deadline = deadline;
    this.send({ type: 'error', code, message });
    this.#socket.close(CLOSE_CODE_OF_ERROR[code], code);
  }

  terminate(): void {
    this.phase = 'closing';
    this.#socket.terminate();
  }
}
