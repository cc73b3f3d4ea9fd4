import type { Urgency, WantUrgency } from '../protocol/bridge-message.ts';
import { ByteWriter } from '../protocol/bytes.ts';
import { type ChunkId, type InstanceId, newInstanceId, type PackId, type PeerId } from '../protocol/identifier.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { noTraffic, type Traffic } from '../protocol/traffic.ts';
import { Catalog, type CatalogPack, type ChunkLocation, chunkAt, type Span } from './catalog.ts';
import { openChunk } from './chunk.ts';
import { type ChunkReceiver, Demand, type WantedChunk, wantedIn } from './demand.ts';
import { IntegrityError } from './errors.ts';
import { Holdings } from './holdings.ts';
import { Inventory } from './inventory.ts';
import { OriginReads } from './origin-reads.ts';
import { type EndReason, HELLO_LIMIT_MS, PeerSession, type SessionHost } from './peer-session.ts';
import type { SwarmPolicy } from './policy.ts';
import type { CancelTimer, PeerLink, StoredChunk, SwarmPorts } from './ports.ts';
import { Roster } from './roster.ts';
import { SourceChoice } from './source-choice.ts';
import { UploadCap } from './upload-cap.ts';

export type { ChunkReceiver } from './demand.ts';

export interface SwarmEvents {
  onPeers(count: number): void;
  /** Bytes moved since the last call. */
  onTraffic(delta: Traffic): void;
  /** This peer is not talked to again: it sent a chunk that was not what it claimed, or broke the protocol. */
  onBan(peer: PeerId, reason: string): void;
}

/** A fetch under way. */
export interface Want {
  /** The receiver hears nothing more; what nobody else wants is not fetched. */
  cancel(): void;
}

/** While demand is open, stalls, hedges and retries are looked at this often. */
const TICK_MS = 100;
/** Chunks read from the store at once when a fetch finds them there. */
const STORE_READ_BATCH = 16;
/** How often a drain looks whether an upload has ended. */
const DRAIN_STEP_MS = 20;
/** Bytes that wait for the store before no more are asked for: bounds memory when the disk is slower than the network. */
const MAX_UNWRITTEN_BYTES = 80 * 1024 * 1024;

/**
 * The engine: gets chunks from the store, peers or the origin, verifies them, keeps them, and gives them to peers that
 * ask. The same in a tab, in a Node peer and in the simulator; the ports make the difference.
 */
export class Swarm {
  readonly #ports: SwarmPorts;
  readonly #events: SwarmEvents;
  readonly #demand = new Demand();
  readonly #sessions = new Map<PeerId, PeerSession>();
  readonly #instance: InstanceId;
  readonly #roster: Roster;
  readonly #inventory: Inventory;
  readonly #origin: OriginReads;
  readonly #choice: SourceChoice;
  readonly #uploadCap: UploadCap;
  readonly #frame = new ByteWriter();
  #catalog = new Catalog([]);
  #uploading = true;
  #cancelTick: CancelTimer | undefined;
  #pumpQueued = false;
  #closed = false;

  constructor(ports: SwarmPorts, policy: SwarmPolicy, events: SwarmEvents) {
    this.#ports = ports;
    this.#events = events;
    this.#uploadCap = new UploadCap(ports.clock, policy.uploadBytesPerSecond);
    this.#instance = newInstanceId(() => ports.random.next());
    this.#roster = new Roster(ports, policy, {
      onLink: (peer, link) => this.#addSession(peer, link),
      onJoin: () => this.#choice.onJoin(),
      onLeases: (leases) => {
        this.#choice.onLeases(leases);
        this.#pumpSoon();
      },
      onChange: () => this.#pumpSoon(),
    });
    this.#inventory = new Inventory(ports, policy, (runs) => this.#announce(runs));
    this.#origin = new OriginReads(ports, {
      onChunk: (chunk, stored) => void this.#takeFromOrigin(chunk, stored),
      onFailed: (chunks) => this.#handleOriginFailure(chunks),
      onEnd: () => this.#pumpSoon(),
    });
    this.#choice = new SourceChoice({
      ports,
      policy,
      demand: this.#demand,
      sessions: this.#sessions,
      roster: this.#roster,
      origin: this.#origin,
      catalog: () => this.#catalog,
      isUploading: () => this.#uploading,
    });
  }

  /** Reads what the store holds, then opens signaling. */
  async start(): Promise<void> {
    await this.#inventory.load();
    if (!this.#closed) this.#roster.open();
  }

  /** The releases whose packs are known and traded, newest first; replaces the previous set. */
  setReleases(manifests: readonly Manifest[]): void {
    this.#catalog = new Catalog(manifests);
    this.#inventory.setCatalog(this.#catalog);
    for (const session of this.#sessions.values()) session.announce(this.#catalog.packs.values(), this.#offered);
    this.#pumpSoon();
  }

  /**
   * Store, then peers, then origin. Each chunk is reported once, in any order. `prompt` leaves out the origin: what no
   * peer can be expected to give at once is missing at once.
   */
  fetch(chunks: readonly ChunkId[], wantUrgency: WantUrgency, receiver: ChunkReceiver): Want {
    const urgency = wantUrgency === 'bulk' ? 'bulk' : 'urgent';
    let cancelled = false;
    const guarded: ChunkReceiver = {
      onChunk: (chunk, plain, source) => {
        if (!cancelled) receiver.onChunk(chunk, plain, source);
      },
      onMissing: (chunk) => {
        if (!cancelled) receiver.onMissing(chunk);
      },
    };
    const unique = [...new Set(chunks)];
    const held = unique.filter((chunk) => this.#inventory.has(chunk));
    const prompt = wantUrgency === 'prompt' ? this.#choice.promptSessions : undefined;
    for (const chunk of unique) {
      if (this.#inventory.has(chunk)) continue;
      if (prompt !== undefined && !this.#isOffered(chunk, prompt)) guarded.onMissing(chunk);
      else this.#want(chunk, urgency, guarded);
    }
    if (held.length > 0) void this.#deliverStored(held, urgency, guarded);
    this.#pumpSoon();
    return {
      cancel: () => {
        cancelled = true;
        for (const chunk of unique) this.#unwant(chunk, guarded);
      },
    };
  }

  /** These are in the store, by our own writing or somebody else's. */
  noteStored(chunks: readonly ChunkId[]): void {
    this.#inventory.note(chunks);
  }

  /** Whether peers are given anything. Off: they see that we have nothing, and downloads go on. */
  setUploading(uploading: boolean): void {
    if (uploading === this.#uploading) return;
    this.#uploading = uploading;
    for (const session of this.#sessions.values()) {
      session.offer(this.#catalog.packs.values(), this.#offered);
      if (!uploading) session.rejectRequests();
    }
  }

  get peerCount(): number {
    return this.#sessions.size;
  }

  /** Leaves the room: no new peers, no new requests. What is being sent goes on; what is left is written. */
  async leave(): Promise<void> {
    for (const session of this.#sessions.values()) session.leave();
    await this.#roster.close();
    await this.#inventory.close();
  }

  /** After `leave`: says goodbye to each peer that has what it asked for, and to all when the time is over. */
  async drain(limitMs: number): Promise<void> {
    const { clock } = this.#ports;
    const endMs = clock.now() + limitMs;
    while (this.#sessions.size > 0 && clock.now() < endMs) {
      for (const session of [...this.#sessions.values()]) if (!session.isUploading) session.close('closed');
      if (this.#sessions.size > 0) await new Promise<void>((resolve) => clock.after(DRAIN_STEP_MS, resolve));
    }
    await this.close();
  }

  /** Says goodbye to everyone and writes what is left. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTick?.();
    for (const session of [...this.#sessions.values()]) session.close('closed');
    this.#uploadCap.close();
    this.#origin.close();
    await this.#roster.close();
    await this.#inventory.close();
  }

  #want(chunk: ChunkId, urgency: Urgency, receiver: ChunkReceiver): void {
    const location = this.#catalog.locate(chunk);
    if (location === undefined) receiver.onMissing(chunk);
    else {
      if (this.#demand.size === 0) this.#choice.onFirstWant();
      this.#demand.add(chunk, location, urgency, receiver, this.#ports.clock.now());
    }
  }

  #unwant(chunk: ChunkId, receiver: ChunkReceiver): void {
    const wanted = this.#demand.get(chunk);
    if (wanted === undefined) return;
    wanted.receivers.delete(receiver);
    if (wanted.receivers.size > 0 || wanted.arrived) return;
    this.#demand.remove(wanted);
    this.#cancelUnneeded(wanted);
  }

  /** A chunk is settled: whoever else was asked for it is told, if nothing else is needed from the same request. */
  #cancelUnneeded(wanted: WantedChunk): void {
    for (const peer of [wanted.peer, wanted.latePeer]) {
      const session = peer === undefined ? undefined : this.#sessions.get(peer);
      session?.cancelUnneeded((location) => this.#demand.get(chunkAt(location).id) !== undefined);
    }
    if (wanted.atOrigin) this.#origin.cancelUnneeded((chunk) => this.#demand.get(chunk) !== undefined);
  }

  // --- sources -------------------------------------------------------------------------------------------------

  /** Many events in one turn cause one look at the demand. */
  #pumpSoon(): void {
    if (this.#pumpQueued || this.#closed) return;
    this.#pumpQueued = true;
    void Promise.resolve().then(() => {
      this.#pumpQueued = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#closed) return;
    this.#choice.report();
    if (!this.#choice.isOpen) return;
    this.#cancelTick ??= this.#ports.clock.after(TICK_MS, () => {
      this.#cancelTick = undefined;
      this.#dropStalled();
      this.#giveUpMissing();
      this.#pump();
    });
    if (this.#inventory.unwrittenBytes <= MAX_UNWRITTEN_BYTES) this.#choice.ask();
  }

  #isOffered(chunk: ChunkId, sessions: readonly PeerSession[]): boolean {
    const location = this.#catalog.locate(chunk);
    return location !== undefined && sessions.some((session) => session.has(location));
  }

  #giveUpMissing(): void {
    for (const wanted of this.#choice.missing()) {
      this.#demand.remove(wanted);
      for (const receiver of wanted.receivers) receiver.onMissing(wanted.id);
    }
  }

  // --- arrivals ------------------------------------------------------------------------------------------------

  async #takeFromPeer(session: PeerSession, location: ChunkLocation, stored: StoredChunk): Promise<void> {
    const wanted = this.#demand.get(chunkAt(location).id);
    if (wanted === undefined || wanted.arrived) {
      this.#count('wasted', chunkAt(location).plainBytes, stored.bytes.length);
      return;
    }
    // This peer has answered: whatever comes of it, nothing of the chunk is open there any more.
    if (wanted.peer === session.peer) wanted.peer = undefined;
    try {
      await this.#accept(wanted, stored, 'peers');
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      this.#count('wasted', chunkAt(location).plainBytes, stored.bytes.length);
      session.close('banned');
    }
    // An arrival only makes room; looking at the whole demand for each would cost more than the chunks do.
    if (session.room > 0) this.#pumpSoon();
  }

  async #takeFromOrigin(chunk: ChunkId, stored: StoredChunk): Promise<void> {
    const wanted = this.#demand.get(chunk);
    if (wanted === undefined || wanted.arrived) {
      this.#count('wasted', stored.bytes.length, stored.bytes.length);
      return;
    }
    try {
      await this.#accept(wanted, stored, 'origin');
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      this.#ports.log.debug('origin-chunk-wrong', { chunk, code: error.code });
      this.#handleOriginFailure([chunk]);
    }
    this.#pumpSoon();
  }

  /** Verify, then deliver, then store: a page does not wait for the disk, and nothing unverified gets further. */
  async #accept(wanted: WantedChunk, stored: StoredChunk, source: 'peers' | 'origin'): Promise<void> {
    wanted.arrived = true;
    const chunk = chunkAt(wanted.location);
    let plain: Uint8Array;
    try {
      plain = await openChunk(this.#ports, chunk, stored);
    } catch (error) {
      wanted.arrived = false;
      throw error;
    }
    this.#demand.remove(wanted);
    this.#choice.onArrival(source, stored.bytes.length);
    this.#count(source, plain.length, stored.bytes.length);
    this.#inventory.add(wanted.id, stored);
    for (const receiver of wanted.receivers) receiver.onChunk(wanted.id, plain.slice(), source);
    this.#cancelUnneeded(wanted);
  }

  #handleOriginFailure(chunks: readonly ChunkId[]): void {
    const nowMs = this.#ports.clock.now();
    for (const chunk of chunks) {
      const wanted = this.#demand.get(chunk);
      if (wanted === undefined) continue;
      wanted.atOrigin = false;
      wanted.originFailures += 1;
      // The first failure turns to the plain file at once; afterwards a struggling origin gets time.
      wanted.originRetryAtMs = wanted.originFailures === 1 ? 0 : nowMs + 500 * 2 ** Math.min(wanted.originFailures, 6);
    }
    this.#pumpSoon();
  }

  async #deliverStored(chunks: readonly ChunkId[], urgency: Urgency, receiver: ChunkReceiver): Promise<void> {
    for (let first = 0; first < chunks.length; first += STORE_READ_BATCH) {
      const batch = chunks.slice(first, first + STORE_READ_BATCH);
      for (const [position, opened] of (await this.#inventory.read(batch)).entries()) {
        const chunk = batch[position] as ChunkId;
        if (opened === undefined) this.#want(chunk, urgency, receiver);
        else {
          this.#count('store', opened.plain.length, 0);
          receiver.onChunk(chunk, opened.plain.slice(), 'store');
        }
      }
    }
    this.#pumpSoon();
  }

  // --- peers ---------------------------------------------------------------------------------------------------

  #addSession(peer: PeerId, link: PeerLink): void {
    const host: SessionHost = {
      now: () => this.#ports.clock.now(),
      pack: (id: PackId): CatalogPack | undefined => this.#catalog.packs.get(id),
      instance: this.#instance,
      onGreeting: (greeted) => this.#dropFormer(greeted),
      onOffer: (session, run) => {
        // Most news is of chunks that are here or on their way.
        if (run !== undefined && !wantedIn(this.#demand, run).some((wanted) => wanted.peer === undefined)) return;
        if (session.room > 0) this.#pumpSoon();
      },
      onHeard: () => {
        this.#roster.onHeard();
        this.#pumpSoon();
      },
      onAvailability: (pack, index, by) => this.#choice.availability.change(pack, index, by),
      onChunk: (session, location, stored) => void this.#takeFromPeer(session, location, stored),
      onRefused: (session, chunks) => this.#release(session, chunks),
      onUnneeded: (wireBytes) => this.#count('wasted', wireBytes, wireBytes),
      onEnd: (session, reason, unanswered) => this.#handleSessionEnd(session, reason, unanswered),
      frame: this.#frame,
      uploadCap: this.#uploadCap,
      read: async (chunks) => {
        if (!this.#uploading) return chunks.map(() => undefined);
        return this.#inventory.readStored(chunks);
      },
      onUploaded: (plain, wire) => this.#count('uploaded', plain, wire),
    };
    const session = new PeerSession(peer, link, host);
    this.#sessions.set(peer, session);
    session.start(this.#catalog.packs.values(), this.#offered);
    this.#ports.clock.after(HELLO_LIMIT_MS, () => this.#dropStalled());
    this.#events.onPeers(this.#sessions.size);
  }

  #handleSessionEnd(session: PeerSession, reason: EndReason, unanswered: readonly ChunkLocation[]): void {
    this.#sessions.delete(session.peer);
    this.#release(session, unanswered);
    const banned = reason === 'banned' || reason === 'misbehaved';
    this.#roster.onLinkEnd(session.peer, banned ? 'banned' : reason === 'closed' ? 'closed' : 'left');
    if (banned) this.#events.onBan(session.peer, reason);
    this.#events.onPeers(this.#sessions.size);
    this.#pumpSoon();
  }

  get #offered(): Holdings {
    return this.#uploading ? this.#inventory.holdings : new Holdings();
  }

  /**
   * After the signaling server was away, both sides have new peer ids, and it pairs them again. Of two connections the
   * newer one stays: it is known to work, and the older one may have died with the network that took signaling along.
   */
  #dropFormer(greeted: PeerSession): void {
    for (const session of [...this.#sessions.values()]) {
      if (session !== greeted && session.instance === greeted.instance) session.close('closed');
    }
  }

  #announce(runs: readonly Span[]): void {
    if (!this.#uploading) return;
    for (const run of runs) {
      for (const session of this.#sessions.values()) session.have(run);
    }
  }

  /** Asked for and not coming: free for another source. */
  #release({ peer }: PeerSession, chunks: readonly ChunkLocation[]): void {
    for (const location of chunks) {
      const wanted = this.#demand.get(chunkAt(location).id);
      if (wanted?.peer === peer) wanted.peer = undefined;
      if (wanted?.latePeer === peer) wanted.latePeer = undefined;
    }
    this.#pumpSoon();
  }

  #dropStalled(): void {
    const nowMs = this.#ports.clock.now();
    for (const session of [...this.#sessions.values()]) {
      if (session.isStalled(nowMs)) session.close('stalled');
      else session.takeBackLate(nowMs);
    }
  }

  #count(source: keyof Traffic['plain'], plainBytes: number, wireBytes: number): void {
    const delta = noTraffic();
    delta.plain[source] = plainBytes;
    if (source !== 'store') delta.wire[source] = wireBytes;
    this.#events.onTraffic(delta);
  }
}
