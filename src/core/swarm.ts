import type { Urgency, WantUrgency } from '../protocol/bridge-message.ts';
import { ByteWriter } from '../protocol/bytes.ts';
import type { ChunkId, PackId, PeerId } from '../protocol/identifier.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { noTraffic, type Traffic } from '../protocol/traffic.ts';
import { Availability } from './availability.ts';
import { Catalog, type CatalogPack, type ChunkLocation, chunkAt, type FileContent, type Span } from './catalog.ts';
import { openChunk } from './chunk.ts';
import { type ChunkReceiver, Demand, type WantedChunk } from './demand.ts';
import { IntegrityError } from './errors.ts';
import { Holdings } from './holdings.ts';
import { Inventory } from './inventory.ts';
import { LeaseHolder } from './lease-holder.ts';
import { OriginReads } from './origin-reads.ts';
import { isOurTurn, type TurnFacts } from './origin-turns.ts';
import { type EndReason, HELLO_LIMIT_MS, PeerSession, type SessionHost } from './peer-session.ts';
import type { SwarmPolicy } from './policy.ts';
import type { CancelTimer, PeerLink, StoredChunk, SwarmPorts } from './ports.ts';
import { Roster } from './roster.ts';
import { arePeersSlow, askOrigin, isMissing, type SourceFacts } from './source-policy.ts';
import { SourceSpeed } from './source-speed.ts';
import { extendSpan, MAX_SPAN_BYTES, pickFirst, pickSpan } from './span-picker.ts';
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
/** From so many peers on, rare chunks come first, so that they soon have different ones to give each other. */
const TRADING_PEERS = 3;
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
  readonly #policy: SwarmPolicy;
  readonly #events: SwarmEvents;
  readonly #demand = new Demand();
  readonly #sessions = new Map<PeerId, PeerSession>();
  readonly #availability = new Availability();
  readonly #roster: Roster;
  readonly #inventory: Inventory;
  readonly #origin: OriginReads;
  readonly #leases = new LeaseHolder();
  readonly #peerSpeed = new SourceSpeed();
  readonly #originSpeed = new SourceSpeed();
  /** When something last came, or a lease: patience begins then. */
  #progressMs = 0;
  readonly #uploadCap: UploadCap;
  readonly #frame = new ByteWriter();
  #catalog = new Catalog([]);
  #uploading = true;
  #cancelTick: CancelTimer | undefined;
  #pumpQueued = false;
  #closed = false;

  constructor(ports: SwarmPorts, policy: SwarmPolicy, events: SwarmEvents) {
    this.#ports = ports;
    this.#policy = policy;
    this.#events = events;
    this.#uploadCap = new UploadCap(ports.clock, policy.uploadBytesPerSecond);
    this.#roster = new Roster(ports, policy, {
      onLink: (peer, link) => this.#addSession(peer, link),
      onJoin: () => this.#leases.reset(),
      onLeases: (leases) => {
        this.#leases.add(leases);
        this.#progressMs = this.#ports.clock.now();
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
    const prompt = wantUrgency === 'prompt' ? this.#promptSessions : undefined;
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
      const nowMs = this.#ports.clock.now();
      if (this.#demand.size === 0) {
        this.#progressMs = nowMs;
        this.#peerSpeed.restart();
      }
      this.#demand.add(chunk, location, urgency, receiver, nowMs);
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
    if (wanted.peer !== undefined) {
      this.#sessions
        .get(wanted.peer)
        ?.cancelUnneeded((location) => this.#demand.get(chunkAt(location).id) !== undefined);
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
    this.#measure();
    this.#reportLacking();
    if (this.#demand.size === 0 && !this.#leases.isOpen) return;
    this.#cancelTick ??= this.#ports.clock.after(TICK_MS, () => {
      this.#cancelTick = undefined;
      this.#dropStalled();
      this.#giveUpMissing();
      this.#pump();
    });
    const facts = this.#facts();
    if (this.#inventory.unwrittenBytes > MAX_UNWRITTEN_BYTES) return;
    this.#askPeers();
    this.#askOrigin(facts);
  }

  #measure(): void {
    const nowMs = this.#ports.clock.now();
    let isAsked = false;
    for (const session of this.#sessions.values()) isAsked ||= session.openBytes > 0;
    this.#peerSpeed.update(isAsked, nowMs);
    this.#originSpeed.update(this.#origin.active > 0, nowMs);
  }

  /** Tells the server that gives out leases what is to be had from the origin only, as far as we know. */
  #reportLacking(): void {
    const nowMs = this.#ports.clock.now();
    if (!this.#roster.isJoined || this.#roster.isIntroducing(nowMs)) return;
    // Who gives nothing to others must not be the one who fetches for them.
    const want = this.#leases.report(this.#uploading ? this.#lacking() : [], nowMs);
    if (want !== undefined) this.#ports.signaling.want(want);
  }

  *#lacking(): Generator<ChunkLocation> {
    for (const wanted of this.#demand.inOrder()) {
      if (wanted.urgency !== 'bulk' || wanted.arrived) continue;
      if (this.#arePeersSlow ? wanted.peer === undefined : !this.#peerHas(wanted)) yield wanted.location;
    }
  }

  /** Sessions that may be asked for what a page waits for. */
  get #promptSessions(): PeerSession[] {
    return [...this.#sessions.values()].filter((session) => session.isPrompt);
  }

  #isOffered(chunk: ChunkId, sessions: readonly PeerSession[]): boolean {
    const location = this.#catalog.locate(chunk);
    return location !== undefined && sessions.some((session) => session.has(location));
  }

  #askPeers(): void {
    const free = [...this.#demand.inOrder()].filter(
      (wanted) => wanted.peer === undefined && !wanted.arrived && this.#peerHas(wanted),
    );
    if (free.length === 0) return;
    const prompt = this.#promptSessions;
    const mayAsk = (session: PeerSession, wanted: WantedChunk): boolean => {
      if (wanted.peer !== undefined || wanted.arrived || !session.has(wanted.location)) return false;
      if (wanted.urgency === 'bulk' || prompt.includes(session)) return true;
      // A slow one is better than none.
      return !prompt.some((other) => other.has(wanted.location));
    };
    // Least loaded first, and again until nobody takes more: neighbours share a file instead of one getting it all.
    const asking = [...this.#sessions.values()]
      .map((session) => ({ session, openBytes: session.openBytes }))
      .sort((a, b) => a.openBytes - b.openBytes);
    for (let sessions = asking.map(({ session }) => session); sessions.length > 0; ) {
      sessions = sessions.filter((session) => {
        const { room } = session;
        const span = room === 0 ? undefined : this.#pickFrom(free, (wanted) => mayAsk(session, wanted), room);
        if (span === undefined) return false;
        for (const wanted of this.#wantedIn(span)) wanted.peer = session.peer;
        session.request(span);
        return true;
      });
    }
  }

  #pickFrom(free: readonly WantedChunk[], eligible: (wanted: WantedChunk) => boolean, room: number): Span | undefined {
    // Among a few peers there is nothing to trade: in order, for whoever reads.
    const turn = this.#sessions.size < TRADING_PEERS ? undefined : this.#ports.random.next();
    const first = pickFirst(free, eligible, (wanted) => this.#availability.of(wanted.location), turn);
    return first && extendSpan(this.#demand, first, eligible, room);
  }

  #askOrigin(facts: SourceFacts): void {
    const eligible = (wanted: WantedChunk): boolean => askOrigin(wanted, this.#peerHas(wanted), facts, this.#policy);
    while (this.#origin.active < this.#policy.originSpans) {
      const span = pickSpan(this.#demand, eligible, MAX_SPAN_BYTES);
      if (span === undefined) return;
      const wanted = this.#wantedIn(span);
      const plainFile = this.#plainFileFor(wanted[0]);
      const chunks = plainFile?.chunks.map((chunk) => this.#demand.get(chunk.id)) ?? wanted;
      for (const chunk of chunks) if (chunk !== undefined) chunk.atOrigin = true;
      if (plainFile === undefined) this.#origin.readSpan(span);
      else this.#origin.readFile(plainFile);
    }
  }

  /** Every second attempt is the plain file: a host may have lost the packs, or not know Range. */
  #plainFileFor(wanted: WantedChunk | undefined): FileContent | undefined {
    return wanted !== undefined && wanted.originFailures % 2 === 1 ? this.#catalog.fileWith(wanted.id) : undefined;
  }

  #wantedIn(span: Span): WantedChunk[] {
    return span.pack.chunks
      .slice(span.first, span.first + span.count)
      .map((chunk) => this.#demand.get(chunk.id))
      .filter((wanted) => wanted !== undefined);
  }

  #peerHas(wanted: WantedChunk): boolean {
    return this.#availability.of(wanted.location) > 0;
  }

  get #arePeersSlow(): boolean {
    return arePeersSlow(this.#peerSpeed, this.#originSpeed, this.#policy);
  }

  #facts(): SourceFacts {
    const nowMs = this.#ports.clock.now();
    const sessions = [...this.#sessions.values()];
    const turn: TurnFacts = {
      nowMs,
      hasServer: this.#roster.isJoined,
      serverLostMs: this.#roster.serverLostMs,
      self: this.#roster.self,
      partners: sessions.map(({ peer }) => peer),
      isAlone: sessions.length === 0 && !this.#roster.isDialing,
      progressMs: this.#progressMs,
    };
    // Without a server only those take turns who need it.
    const without = (location: ChunkLocation): PeerId[] =>
      sessions.filter((session) => !session.has(location)).map(({ peer }) => peer);
    return {
      nowMs,
      introducing: this.#roster.isIntroducing(nowMs),
      cutOff: this.#roster.isCutOff && sessions.length === 0,
      isOurTurn: (location) =>
        isOurTurn(
          location,
          this.#leases.has(location),
          turn.hasServer ? turn : { ...turn, partners: without(location) },
        ),
      peersAreSlow: this.#arePeersSlow,
    };
  }

  #giveUpMissing(): void {
    const facts = this.#facts();
    // Deleting from the sets behind it while it runs is allowed, and skips nothing.
    for (const wanted of this.#demand.inOrder()) {
      if (wanted.originFailures === 0 || !isMissing(wanted, this.#peerHas(wanted), facts)) continue;
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
    this.#progressMs = this.#ports.clock.now();
    this.#count(source, plain.length, stored.bytes.length);
    const speed = source === 'peers' ? this.#peerSpeed : this.#originSpeed;
    speed.onBytes(stored.bytes.length);
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
      onOffer: (session, run) => {
        // Most news is of chunks that are here or on their way.
        if (run !== undefined && !this.#wantedIn(run).some((wanted) => wanted.peer === undefined)) return;
        if (session.room > 0) this.#pumpSoon();
      },
      onHeard: () => {
        this.#roster.onHeard();
        this.#pumpSoon();
      },
      onAvailability: (pack, index, by) => this.#availability.change(pack, index, by),
      onChunk: (session, location, stored) => void this.#takeFromPeer(session, location, stored),
      onRefused: (_, chunks) => this.#release(chunks),
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
    this.#release(unanswered);
    const banned = reason === 'banned' || reason === 'misbehaved';
    this.#roster.onLinkEnd(session.peer, banned ? 'banned' : reason === 'closed' ? 'closed' : 'left');
    if (banned) this.#events.onBan(session.peer, reason);
    this.#events.onPeers(this.#sessions.size);
    this.#pumpSoon();
  }

  get #offered(): Holdings {
    return this.#uploading ? this.#inventory.holdings : new Holdings();
  }

  #announce(runs: readonly Span[]): void {
    if (!this.#uploading) return;
    for (const run of runs) {
      for (const session of this.#sessions.values()) session.have(run);
    }
  }

  /** Asked for and not coming: free for another source. */
  #release(chunks: readonly ChunkLocation[]): void {
    for (const location of chunks) {
      const wanted = this.#demand.get(chunkAt(location).id);
      if (wanted !== undefined) wanted.peer = undefined;
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
