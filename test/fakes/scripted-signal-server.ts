import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Signaling } from '../../src/core/ports.ts';
import { decodeClientSignalMessage, type ServerSignalMessage } from '../../src/protocol/signal-message.ts';
import type { MemorySignalingHub } from './memory-signaling.ts';

/** A real WebSocket server in front of the hub in memory; down means that the port is closed. */
export class ScriptedSignalServer {
  readonly #hub: MemorySignalingHub;
  #server: WebSocketServer | undefined;
  #port = 0;

  constructor(hub: MemorySignalingHub) {
    this.#hub = hub;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}/tabseed/signal`;
  }

  /** Sockets that are open now. */
  get sockets(): ReadonlySet<WebSocket> {
    return this.#server?.clients ?? new Set();
  }

  /** Opens the port, after a `stop` the same one. */
  async start(): Promise<void> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: this.#port });
    await new Promise((resolve) => server.once('listening', resolve));
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.#serve(socket));
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of server?.clients ?? []) socket.terminate();
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  }

  #serve(socket: WebSocket): void {
    let signaling: Signaling | undefined;
    const tell = (message: ServerSignalMessage): void => socket.send(JSON.stringify(message));
    socket.on('close', () => void signaling?.close());
    socket.on('message', (data: Buffer) => {
      const message = decodeClientSignalMessage(data.toString());
      switch (message.type) {
        case 'join':
          signaling = this.#hub.signaling(message.room);
          signaling.open({
            onWelcome: (welcome) => tell({ type: 'welcome', ...welcome }),
            onPartner: (partner) => tell({ type: 'partner', ...partner }),
            onSignal: (from, signal) => tell({ type: 'signal', from, signal }),
            onGone: (peer) => tell({ type: 'gone', peer }),
            onLeases: (leases) => tell({ type: 'leases', leases }),
            onDown: () => socket.close(),
          });
          break;
        case 'match':
          signaling?.match(message.count, message.partners);
          break;
        case 'signal':
          signaling?.send(message.to, message.signal);
          break;
        case 'want':
          signaling?.want(message);
          break;
        case 'unmatch':
          signaling?.unmatch(message.peer);
          break;
        case 'heartbeat':
          tell(message);
          break;
        default:
          message satisfies never;
      }
    });
  }
}
