import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Client, Dialect } from './dialect.ts';

/** A server takes so many connections of one address, and an address has so many ports. */
const CLIENTS_PER_ADDRESS = 900;

/** One connection to the server under load. */
export class LoadClient implements Client {
  readonly index: number;
  readonly peers: number;
  readonly partners: string[] = [];
  readonly #dialect: Dialect;
  readonly #socket: WebSocket;
  readonly #onRelayed: (stampUs: number) => void;
  #onJoined: (() => void) | undefined;

  constructor(
    target: { url: string; dialect: Dialect; index: number; peers: number },
    onRelayed: (stampUs: number) => void,
  ) {
    this.index = target.index;
    this.peers = target.peers;
    this.#dialect = target.dialect;
    this.#onRelayed = onRelayed;
    this.#socket = new WebSocket(target.url, {
      perMessageDeflate: false,
      // Loopback has sixteen million addresses; the first one is the server's.
      localAddress: `127.0.0.${2 + Math.floor(this.index / CLIENTS_PER_ADDRESS)}`,
    });
    this.#socket.on('message', (data: Buffer) => this.#hear(data.toString()));
  }

  /** Resolves when the server has taken it in. */
  async join(): Promise<void> {
    await once(this.#socket, 'open');
    const joined = new Promise<void>((resolve) => {
      this.#onJoined = resolve;
    });
    this.#socket.send(this.#dialect.greeting(this));
    await joined;
  }

  /** @returns false when there is nobody to send to */
  relay(stampUs: number, chance: number): boolean {
    const text = this.#dialect.relay(this, stampUs, chance);
    if (text === undefined) return false;
    this.#socket.send(text);
    return true;
  }

  #hear(text: string): void {
    const heard = this.#dialect.hear(this, text);
    if (heard?.type === 'relayed') {
      this.#onRelayed(heard.stampUs);
    } else if (heard?.type === 'joined') {
      if (heard.reply !== undefined) this.#socket.send(heard.reply);
      this.#onJoined?.();
    }
  }
}
