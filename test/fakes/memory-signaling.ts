import type { LeaseWant } from '../../src/core/lease-holder.ts';
import type { CancelTimer, Clock, Random, Signaling, SignalingHandlers } from '../../src/core/ports.ts';
import type { PeerId, Sha256 } from '../../src/protocol/identifier.ts';
import type { IceServer, Lease, PeerSignal } from '../../src/protocol/signal-message.ts';
import { type Grant, LeaseBook } from '../../src/signal-server/lease-book.ts';

const LEASE_TICK_MS = 1000;

const PEER_ID_CHARACTERS = 32;

interface HubOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** From a client to the hub, or back. */
  readonly latencyMs: number;
  readonly iceServers?: readonly IceServer[];
}

/** A signaling server in memory: rooms, partners and relaying between partners only. */
export class MemorySignalingHub {
  readonly clock: Clock;
  readonly latencyMs: number;
  readonly iceServers: readonly IceServer[];
  readonly #random: Random;
  readonly #members = new Map<PeerId, MemorySignaling>();
  readonly #clients = new Set<MemorySignaling>();
  /** The server's own: what is granted is decided nowhere else. One room is all that a world has. */
  #leases = new LeaseBook();
  #cancelTick: CancelTimer | undefined;
  #peerCount = 0;
  #isUp = true;

  constructor({ clock, random, latencyMs, iceServers = [] }: HubOptions) {
    this.clock = clock;
    this.latencyMs = latencyMs;
    this.iceServers = iceServers;
    this.#random = random;
  }

  /** A client's end of a connection. */
  signaling(room: Sha256): Signaling {
    return new MemorySignaling(this, room);
  }

  get memberCount(): number {
    return this.#members.size;
  }

  /** The server goes away: everyone is told, nobody is a member any more. */
  goDown(): void {
    this.#isUp = false;
    this.#leases = new LeaseBook();
    this.#members.clear();
    for (const client of this.#clients) client.handleDown('the hub is down');
  }

  /** The server is back: every client that is still open joins again, under a new id. */
  comeUp(): void {
    this.#isUp = true;
    for (const client of this.#clients) this.join(client);
  }

  join(client: MemorySignaling): void {
    this.#clients.add(client);
    if (!this.#isUp) {
      client.handleDown('the hub is down');
      return;
    }
    this.#peerCount += 1;
    const peer = this.#peerCount.toString(16).padStart(PEER_ID_CHARACTERS, '0');
    this.#members.set(peer, client);
    client.handleWelcome(peer);
  }

  leave(client: MemorySignaling): void {
    this.#clients.delete(client);
    if (client.peer === undefined || !this.#members.delete(client.peer)) return;
    for (const partner of client.partners) this.#dissolve(partner, client.peer);
    this.#tell(this.#leases.leave(client.peer, this.clock.now()));
  }

  match(client: MemorySignaling, count: number): void {
    const candidates = [...this.#members].filter(
      ([peer, member]) => member !== client && member.room === client.room && !client.partners.has(peer),
    );
    for (let wanted = count; wanted > 0 && candidates.length > 0; wanted -= 1) {
      const [chosen] = candidates.splice(Math.floor(this.#random.next() * candidates.length), 1);
      if (chosen === undefined || client.peer === undefined) return;
      client.handlePartner(chosen[0], true);
      chosen[1].handlePartner(client.peer, false);
    }
  }

  relay(from: MemorySignaling, to: PeerId, signal: PeerSignal): void {
    if (from.peer === undefined || !from.partners.has(to)) return;
    this.#members.get(to)?.handleSignal(from.peer, signal);
  }

  unmatch(client: MemorySignaling, peer: PeerId): void {
    if (client.peer === undefined || !client.partners.delete(peer)) return;
    this.#dissolve(peer, client.peer);
  }

  want(client: MemorySignaling, { leases, packs }: LeaseWant): void {
    if (client.peer === undefined) return;
    this.#tell(this.#leases.want(client.peer, packs, leases, this.clock.now()));
    this.#tickLater();
  }

  #tickLater(): void {
    this.#cancelTick ??= this.clock.after(LEASE_TICK_MS, () => {
      this.#cancelTick = undefined;
      this.#tell(this.#leases.tick(this.clock.now()));
      if (this.#leases.isOpen) this.#tickLater();
    });
  }

  #tell(grants: readonly Grant[]): void {
    for (const { to, leases } of grants) this.#members.get(to)?.handleLeases(leases);
  }

  #dissolve(of: PeerId, gone: PeerId): void {
    const member = this.#members.get(of);
    if (member?.partners.delete(gone)) member.handleGone(gone);
  }
}

class MemorySignaling implements Signaling {
  readonly room: Sha256;
  peer: PeerId | undefined;
  readonly partners = new Set<PeerId>();
  readonly #hub: MemorySignalingHub;
  #handlers: SignalingHandlers | undefined;
  #isClosed = false;

  constructor(hub: MemorySignalingHub, room: Sha256) {
    this.#hub = hub;
    this.room = room;
  }

  open(handlers: SignalingHandlers): void {
    if (this.#handlers !== undefined) throw new Error('signaling is opened once');
    this.#handlers = handlers;
    this.#toHub(() => this.#hub.join(this));
  }

  send(to: PeerId, signal: PeerSignal): void {
    this.#toHub(() => this.#hub.relay(this, to, signal));
  }

  match(count: number): void {
    this.#toHub(() => this.#hub.match(this, count));
  }

  unmatch(peer: PeerId): void {
    this.#toHub(() => this.#hub.unmatch(this, peer));
  }

  want(want: LeaseWant): void {
    this.#toHub(() => this.#hub.want(this, want));
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#hub.leave(this);
    return Promise.resolve();
  }

  handleWelcome(peer: PeerId): void {
    this.peer = peer;
    this.partners.clear();
    this.#toClient((handlers) => handlers.onWelcome({ peer, iceServers: this.#hub.iceServers }));
  }

  handlePartner(peer: PeerId, initiator: boolean): void {
    this.partners.add(peer);
    this.#toClient((handlers) => handlers.onPartner({ peer, initiator }));
  }

  handleSignal(from: PeerId, signal: PeerSignal): void {
    this.#toClient((handlers) => handlers.onSignal(from, signal));
  }

  handleGone(peer: PeerId): void {
    this.#toClient((handlers) => handlers.onGone(peer));
  }

  handleLeases(leases: readonly Lease[]): void {
    this.#toClient((handlers) => handlers.onLeases(leases));
  }

  handleDown(reason: string): void {
    this.peer = undefined;
    this.partners.clear();
    this.#toClient((handlers) => handlers.onDown(reason));
  }

  #toHub(act: () => void): void {
    this.#hub.clock.after(this.#hub.latencyMs, () => {
      if (!this.#isClosed) act();
    });
  }

  #toClient(tell: (handlers: SignalingHandlers) => void): void {
    this.#hub.clock.after(this.#hub.latencyMs, () => {
      if (!this.#isClosed && this.#handlers !== undefined) tell(this.#handlers);
    });
  }
}
