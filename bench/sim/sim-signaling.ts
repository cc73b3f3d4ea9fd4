import type { LeaseWant } from '../../src/core/lease-holder.ts';
import type { Clock, Random, Signaling, SignalingHandlers } from '../../src/core/ports.ts';
import type { PeerId } from '../../src/protocol/identifier.ts';
import type { Reach } from '../../src/protocol/signal-message.ts';
import { type Grant, LeaseBook } from '../../src/signal-server/lease-book.ts';
import { resolveOptions } from '../../src/signal-server/options.ts';
import { type Delivery, Room } from '../../src/signal-server/room.ts';

const LEASE_TICK_MS = 500;
const LATENCY_MS = 20;

interface Membership {
  readonly site: string;
  readonly reach: Reach;
}

/** The signaling server: its own room and lease books, with a latency instead of sockets. */
export class SimSignaling {
  readonly #clock: Clock;
  readonly #room: Room;
  /** By the part of the room whose peers can meet each other. */
  readonly #books = new Map<string, LeaseBook>();
  readonly #clients = new Map<PeerId, Client>();
  #joined = 0;
  #isDown = false;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    const { maximumPartners, partnersPerMatch } = resolveOptions({});
    this.#room = new Room({
      maximumPeers: Number.POSITIVE_INFINITY,
      maximumPartners,
      partnersPerMatch,
      random: () => random.next(),
    });
    this.#tick();
  }

  connect(membership: Membership): Signaling {
    return new Client(this, membership);
  }

  /** The server is gone, and does not come back. */
  end(): void {
    this.#isDown = true;
    for (const client of this.#clients.values()) client.tell((handlers) => handlers.onDown('ended'));
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  after(run: () => void): void {
    this.#clock.after(LATENCY_MS, run);
  }

  join(client: Client): void {
    this.#joined += 1;
    client.peer = this.#joined.toString(16).padStart(32, '0');
    this.#clients.set(client.peer, client);
    this.#room.join(client.peer, client.membership.site, client.membership.reach);
    client.tell((handlers) => handlers.onWelcome({ peer: client.peer, iceServers: [] }));
  }

  leave(client: Client): void {
    if (this.#isDown || !this.#clients.delete(client.peer)) return;
    this.deliver(this.#room.leave(client.peer));
    const { membership, peer } = client;
    this.#grant(this.#book(membership).leave(peer, this.#clock.now(), membership.site));
  }

  want(client: Client, want: LeaseWant): void {
    const { membership, peer } = client;
    this.#grant(this.#book(membership).want(peer, want.packs, want.leases, this.#clock.now(), membership.site));
  }

  deliver(deliveries: readonly Delivery[]): void {
    for (const { to, message } of deliveries) {
      this.#clients.get(to)?.tell((handlers) => {
        if (message.type === 'partner') handlers.onPartner(message);
        else if (message.type === 'signal') handlers.onSignal(message.from, message.signal);
        else if (message.type === 'gone') handlers.onGone(message.peer);
      });
    }
  }

  get room(): Room {
    return this.#room;
  }

  #grant(grants: readonly Grant[]): void {
    for (const { to, leases, meets } of grants) {
      if (leases.length > 0) this.#clients.get(to)?.tell((handlers) => handlers.onLeases(leases));
      for (const other of meets) this.deliver(this.#room.introduce(to, other));
    }
  }

  #book({ site, reach }: Membership): LeaseBook {
    const part = reach === 'site' ? site : '';
    const book = this.#books.get(part) ?? new LeaseBook();
    this.#books.set(part, book);
    return book;
  }

  #tick(): void {
    this.#clock.after(LEASE_TICK_MS, () => {
      if (this.#isDown) return;
      for (const book of this.#books.values()) this.#grant(book.tick(this.#clock.now()));
      this.#tick();
    });
  }
}

class Client implements Signaling {
  readonly membership: Membership;
  peer: PeerId = '';
  readonly #server: SimSignaling;
  #handlers: SignalingHandlers | undefined;
  #isClosed = false;

  constructor(server: SimSignaling, membership: Membership) {
    this.#server = server;
    this.membership = membership;
  }

  open(handlers: SignalingHandlers): void {
    this.#handlers = handlers;
    this.#ask(() => this.#server.join(this));
  }

  send(to: PeerId, signal: Parameters<Signaling['send']>[1]): void {
    this.#ask(() => this.#server.deliver(this.#server.room.signal(this.peer, to, signal)));
  }

  match(count: number, partners?: number): void {
    this.#ask(() => this.#server.deliver(this.#server.room.match(this.peer, count, partners)));
  }

  unmatch(peer: PeerId): void {
    this.#ask(() => this.#server.deliver(this.#server.room.unmatch(this.peer, peer)));
  }

  want(want: LeaseWant): void {
    this.#ask(() => this.#server.want(this, want));
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#server.leave(this);
    return Promise.resolve();
  }

  tell(say: (handlers: SignalingHandlers) => void): void {
    this.#server.after(() => {
      if (!this.#isClosed && this.#handlers !== undefined) say(this.#handlers);
    });
  }

  #ask(run: () => void): void {
    this.#server.after(() => {
      if (!this.#isClosed && !this.#server.isDown) run();
    });
  }
}
