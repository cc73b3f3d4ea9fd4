import type { Server } from 'node:http';
import type { RawData, WebSocket } from 'ws';
import { ProtocolError } from '../protocol/errors.ts';
import { decodeClientSignalMessage, type SignalErrorCode } from '../protocol/signal-message.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import { Connection } from './connection.ts';
import { Endpoint } from './endpoint.ts';
import { Heartbeat } from './heartbeat.ts';
import {
  type DropCode,
  type RefusalReason,
  type ResolvedOptions,
  resolveOptions,
  type SignalServerOptions,
} from './options.ts';
import type { Delivery } from './room.ts';
import { RoomDirectory } from './room-directory.ts';
import { SiteTokens } from './site-token.ts';

/** Introduces the peers of a swarm to each other. */
export interface SignalServer {
  /** Answers WebSocket upgrades of any path that ends in `/tabseed/signal`; leaves all other requests alone. */
  attach(httpServer: Server): void;
  stats(): SignalStats;
  /** Tells every client, closes its connection, refuses new ones; resolves when all are closed. */
  close(): Promise<void>;
}

export interface SignalStats {
  readonly connections: number;
  /** Connections that joined a room. */
  readonly peers: number;
  readonly rooms: number;
  /** Pairs introduced since the start. */
  readonly introductions: number;
  /** Offers, answers and candidates relayed since the start. */
  readonly relayed: number;
}

/** A browser that opened a WebSocket sends `join` at once; 5 s are several retransmissions on a bad line. */
const JOIN_DEADLINE_MS = 5_000;
/** For the closing handshake; a client that does not take part is cut off. */
const CLOSE_DEADLINE_MS = 2_000;
const TICK_MS = 1_000;
/** What a lease that runs out costs those who wait for it, at most. */
const LEASE_TICK_MS = 500;

export function createSignalServer(options: SignalServerOptions = {}): SignalServer {
  return new InMemorySignalServer(resolveOptions(options));
}

class InMemorySignalServer implements SignalServer {
  readonly #options: ResolvedOptions;
  readonly #endpoint: Endpoint;
  readonly #rooms: RoomDirectory;
  readonly #sites = new SiteTokens();
  readonly #heartbeat = new Heartbeat();
  readonly #connections = new Set<Connection>();
  readonly #peers = new Map<string, Connection>();
  /** Those with a deadline. */
  readonly #waiting = new Set<Connection>();
  readonly #stopTicking: () => void;
  #introductions = 0;
  #relayed = 0;
  #isStopping = false;
  #closed: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#rooms = new RoomDirectory({
      maximumPeers: options.maximumPeersPerRoom,
      maximumPartners: options.maximumPartners,
      partnersPerMatch: options.partnersPerMatch,
      random: options.random,
    });
    this.#endpoint = new Endpoint(options, {
      refusal: () => this.#refusal(),
      onConnect: (socket, network) => this.#connect(socket, network),
    });
    const stops = [
      options.clock.every(TICK_MS, () => this.#tick()),
      options.clock.every(LEASE_TICK_MS, () => this.#deliver(this.#rooms.tick(options.clock.now()))),
    ];
    this.#stopTicking = () => {
      for (const stop of stops) stop();
    };
  }

  attach(httpServer: Server): void {
    this.#endpoint.attach(httpServer);
  }

  stats(): SignalStats {
    return {
      connections: this.#connections.size,
      peers: this.#peers.size,
      rooms: this.#rooms.size,
      introductions: this.#introductions,
      relayed: this.#relayed,
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    this.#isStopping = true;
    const emptied = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const connection of [...this.#connections]) {
      this.#fail(connection, 'shutting-down', 'the server stops; reconnect after a pause');
    }
    if (this.#connections.size > 0) await emptied;
    this.#stopTicking();
    this.#endpoint.detach();
  }

  #refusal(): RefusalReason | undefined {
    if (this.#isStopping) return 'shutting-down';
    return this.#connections.size >= this.#options.maximumConnections ? 'server-full' : undefined;
  }

  #connect(socket: WebSocket, network: string): void {
    const now = this.#options.clock.now();
    const [site, prefix] = [this.#sites.token(network), this.#sites.prefixToken(network)];
    const connection = new Connection(socket, site, prefix, now, now + JOIN_DEADLINE_MS);
    this.#connections.add(connection);
    this.#waiting.add(connection);
    this.#heartbeat.add(connection);
    socket.on('message', (data, isBinary) => this.#receive(connection, data, isBinary));
    socket.on('pong', () => {
      connection.answered = true;
    });
    // `ws` answers each ping, also to a client that reads nothing: they count like messages.
    socket.on('ping', () => this.#admit(connection));
    socket.on('error', (error) => {
      if (connection.phase === 'closing') return;
      // After a broken frame `ws` has sent its close code already and waits for the client's: give it a deadline.
      this.#leave(connection, 'bad-frame', error.message);
      connection.deadline = this.#options.clock.now() + CLOSE_DEADLINE_MS;
      this.#waiting.add(connection);
    });
    socket.on('close', () => this.#disconnect(connection));
  }

  #receive(connection: Connection, data: RawData, isBinary: boolean): void {
    if (connection.phase === 'closing' || !this.#admit(connection)) return;
    try {
      if (isBinary) throw new ProtocolError('unknown-type', 'binary message');
      this.#handle(connection, messageText(data));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(connection, 'bad-message', error.message);
    }
  }

  #admit(connection: Connection): boolean {
    const isAdmitted = connection.admit(this.#options.clock.now());
    if (!isAdmitted) this.#fail(connection, 'rate-limited', 'too many messages; slow down');
    return isAdmitted;
  }

  #handle(connection: Connection, text: string): void {
    const message = decodeClientSignalMessage(text);
    if (message.type !== 'join') {
      if (connection.phase !== 'joined') throw new ProtocolError('bad-value', 'the first message must be join');
      if (message.type === 'heartbeat') {
        this.#deliver([{ to: connection.peer, message }]);
        return;
      }
      const deliveries = this.#rooms.handle(connection, message, this.#options.clock.now());
      if (message.type === 'signal') this.#relayed += deliveries.length;
      // A match makes two deliveries, one to each side.
      else if (message.type === 'match') this.#introductions += deliveries.length / 2;
      this.#deliver(deliveries);
      return;
    }
    if (connection.phase === 'joined') throw new ProtocolError('bad-value', 'joined twice');
    if (message.version !== PROTOCOL_VERSION) {
      this.#fail(connection, 'unsupported-version', `this server speaks version ${PROTOCOL_VERSION}`);
    } else if (!this.#rooms.join(connection, message)) {
      this.#fail(connection, 'room-full', 'this room has no place left; try again later');
    } else {
      connection.phase = 'joined';
      this.#waiting.delete(connection);
      this.#peers.set(connection.peer, connection);
      this.#deliver([
        {
          to: connection.peer,
          message: { type: 'welcome', peer: connection.peer, iceServers: this.#options.iceServers },
        },
      ]);
    }
  }

  #deliver(deliveries: readonly Delivery[]): void {
    for (const { to, message } of deliveries) {
      const connection = this.#peers.get(to);
      if (connection?.send(message) === false) this.#cutOff(connection, 'slow-reader');
    }
  }

  #fail(connection: Connection, code: SignalErrorCode, detail: string): void {
    if (connection.phase === 'closing') return;
    this.#leave(connection, code, detail);
    connection.fail(code, detail, this.#options.clock.now() + CLOSE_DEADLINE_MS);
    this.#waiting.add(connection);
  }

  #cutOff(connection: Connection, code: DropCode): void {
    this.#leave(connection, code, '');
    connection.terminate();
  }

  /** Ends a peer's part in its room; its partners hear of it at once, not when the handshake is over. */
  #leave(connection: Connection, code: DropCode, detail: string): void {
    if (connection.phase === 'closing') return;
    connection.phase = 'closing';
    this.#options.onEvent({ type: 'dropped', code, detail });
    this.#withdraw(connection);
  }

  #withdraw(connection: Connection): void {
    this.#peers.delete(connection.peer);
    const deliveries = this.#rooms.leave(connection, this.#options.clock.now());
    // Whoever is told to go first is still fetching: its leases must not be granted to those who go last.
    if (!this.#isStopping) this.#deliver(deliveries);
  }

  #disconnect(connection: Connection): void {
    connection.phase = 'closing';
    this.#withdraw(connection);
    this.#heartbeat.remove(connection);
    this.#waiting.delete(connection);
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  #tick(): void {
    const now = this.#options.clock.now();
    for (const connection of [...this.#waiting]) {
      if (connection.deadline > now) continue;
      if (connection.phase === 'joining') this.#fail(connection, 'join-timeout', 'no join in time');
      else connection.terminate();
    }
    for (const connection of this.#heartbeat.tick()) this.#cutOff(connection, 'silent');
  }
}

function messageText(data: RawData): string {
  if (Buffer.isBuffer(data)) return data.toString();
  return Array.isArray(data) ? Buffer.concat(data).toString() : Buffer.from(data).toString();
}
