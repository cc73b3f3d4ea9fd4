import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { MAX_SIGNAL_MESSAGE_BYTES } from '../protocol/limits.ts';
import { SIGNAL_PATH } from '../protocol/signal-message.ts';
import { NetworkCounter, networkOf } from './address.ts';
import type { RefusalReason, ResolvedOptions } from './options.ts';

export interface EndpointHandlers {
  /** Why nobody can be let in now, if so. */
  refusal(): RefusalReason | undefined;
  /** @param network As `networkOf` gives it. */
  onConnect(socket: WebSocket, network: string): void;
}

const STATUS_OF_REFUSAL: Record<RefusalReason, string> = {
  'server-full': '503 Service Unavailable',
  'network-full': '429 Too Many Requests',
  'shutting-down': '503 Service Unavailable',
};

/** Frames of one message. Browsers and `ws` send one; each that waits for the next costs a record, however empty. */
const MAX_FRAGMENTS = 64;

/** The types lack what `ws` 8.23 has. */
const WEB_SOCKETS: ServerOptions & { readonly maxPendingAutoPongs: number } = {
  noServer: true,
  clientTracking: false,
  // Messages of 1 KB gain nothing that is worth a zlib context (some 300 KB) per connection.
  perMessageDeflate: false,
  maxPayload: MAX_SIGNAL_MESSAGE_BYTES,
  maxFragments: MAX_FRAGMENTS,
  // Pings count like messages; `ws` would end the connection without a word when 60 pongs are not written yet.
  maxPendingAutoPongs: 0,
};

/** Whether a request is for the signaling endpoint: apps may live in any folder of an origin. */
export function isSignalUrl(url: string): boolean {
  const path = url.split('?', 1)[0] ?? '';
  return path.endsWith(`/${SIGNAL_PATH}`);
}

/** The door: turns upgrade requests of HTTP servers into WebSockets, or refuses them. */
export class Endpoint {
  readonly #options: ResolvedOptions;
  readonly #handlers: EndpointHandlers;
  readonly #networks: NetworkCounter;
  readonly #detach: (() => void)[] = [];
  readonly #webSockets = new WebSocketServer(WEB_SOCKETS);

  constructor(options: ResolvedOptions, handlers: EndpointHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#networks = new NetworkCounter(options.maximumConnectionsPerNetwork);
  }

  attach(httpServer: Server): void {
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (isSignalUrl(request.url ?? '')) this.#upgrade(request, socket, head);
      // Node leaves the socket to the listeners: if nobody else is there, it would hang for ever.
      else if (httpServer.listenerCount('upgrade') === 1) answerAndClose(socket, '404 Not Found');
    };
    httpServer.on('upgrade', onUpgrade);
    this.#detach.push(() => httpServer.off('upgrade', onUpgrade));
  }

  /** Leaves the HTTP servers; open WebSockets stay. */
  detach(): void {
    for (const detach of this.#detach.splice(0)) detach();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const network = networkOf(request, this.#options.trustProxy);
    const refusal = this.#handlers.refusal() ?? (this.#networks.enter(network) ? undefined : 'network-full');
    if (refusal !== undefined) {
      this.#options.onEvent({ type: 'refused', reason: refusal });
      answerAndClose(socket, STATUS_OF_REFUSAL[refusal]);
      return;
    }
    // The TCP connection's end is the one event that comes for every request, also for one that is no proper handshake
    // and that `ws` answers itself.
    socket.once('close', () => this.#networks.leave(network));
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#handlers.onConnect(webSocket, network));
  }
}

function answerAndClose(socket: Duplex, status: string): void {
  // The client may be gone already: there is nobody left to tell.
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
