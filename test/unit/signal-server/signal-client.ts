import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import type { ClientSignalMessage, ServerSignalMessage } from '../../../src/protocol/signal-message.ts';
import { decodeServerSignalMessage } from '../../../src/protocol/signal-message.ts';
import { PROTOCOL_VERSION } from '../../../src/protocol/version.ts';

type MessageOf<Type> = Extract<ServerSignalMessage, { type: Type }>;

export const ROOM = 'a'.repeat(64);

/** A real WebSocket client that keeps what it received until a test asks for it. */
export class SignalClient {
  readonly socket: WebSocket;
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
  readonly received: ServerSignalMessage[] = [];
  #wake: (() => void) | undefined;

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, { perMessageDeflate: false, ...options });
    this.socket.on('message', (data: Buffer) => {
      this.received.push(decodeServerSignalMessage(data.toString()));
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code) => {
        resolve(code);
        this.#wake?.();
      });
    });
    // Connection resets are expected of clients that the server cuts off; `closed` tells.
    this.socket.on('error', () => undefined);
  }

  async open(): Promise<this> {
    await once(this.socket, 'open');
    return this;
  }

  send(message: ClientSignalMessage): void {
    this.sendText(JSON.stringify(message));
  }

  sendText(text: string): void {
    this.socket.send(text);
  }

  /** Takes the next message, which must be of this type. */
  async next<Type extends ServerSignalMessage['type']>(type: Type): Promise<MessageOf<Type>> {
    while (this.received.length === 0) {
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error(`closed while waiting for ${type}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const message = this.received.shift();
    if (message?.type !== type) throw new Error(`expected ${type}, received ${JSON.stringify(message)}`);
    return message as MessageOf<Type>;
  }

  /** @returns its peer id */
  async join(room: string = ROOM): Promise<string> {
    this.send({ type: 'join', version: PROTOCOL_VERSION, room });
    return (await this.next('welcome')).peer;
  }

  /** Everything sent before has been handled by the server once the pong is here: messages keep their order. */
  async settled(): Promise<void> {
    const pong = once(this.socket, 'pong');
    this.socket.ping();
    await pong;
  }
}
