import type { WantUrgency } from '../protocol/bridge-message.ts';
import { ByteWriter } from '../protocol/bytes.ts';
import { newInstanceId } from '../protocol/hash-bytes.ts';
import type { ChunkId, PeerId, Sha256 } from '../protocol/identifier.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { noTraffic, type Traffic } from '../protocol/traffic.ts';
import { Catalog, chunkAt } from './catalog.ts';
import { type ChunkReceiver, Demand, type OriginForm, type WantedChunk, wantedIn } from './demand.ts';
import { Fetches, type Want } from './fetches.ts';
import { Holdings } from './holdings.ts';
import { Intake } from './intake.ts';
import { Inventory } from './inventory.ts';
import { Neighbours, OWN_DELAY_MS } from './neighbours.ts';
import { OriginReads } from './origin-reads.ts';
import type { ReleaseNews } from './peer-news.ts';
import type { PeerSession } from './peer-session.ts';
import type { SwarmPolicy } from './policy.ts';
import { Politeness } from './politeness.ts';
import type { CancelTimer, SwarmPorts } from './ports.ts';
import { Roster } from './roster.ts';
import type { EndReason } from './session-host.ts';
import { SourceChoice } from './source-choice.ts';
import { UploadCap } from './upload-cap.ts';
import { UploadSlots } from './upload-slots.ts';

export type { ChunkReceiver } from './demand.ts';
export type { Want } from './fetches.ts';

export interface SwarmEvents {
  onPeers(count: number): void;
  /** Bytes moved since the last call. */
  onTraffic(delta: Traffic): void;
  /** A peer tells of a release: a pointer file, not decoded. Again with each connection, whatever became of it. */
  onPointer(peer: PeerId, pointer: Uint8Array): void;
  /** This peer is not talked to again: it sent a chunk that was not what it claimed, or broke the protocol. */
  onBan(peer: PeerId, reason: string): void;
}

/** While demand is open, stalls, hedges and retries are looked at this often. */
const TICK_MS = 100;
/** How often a drain looks whether an upload has ended. */
const DRAIN_STEP_MS = 20;
/** Bytes that wait for the store before no more are asked for: bounds memory when the disk is slower than the network. */
const MAX_UNWRITTEN_BYTES = 80 * 1024 * 1024;

/** Receives what is fetched because others wait for it. */
const NOBODY: ChunkReceiver = { onChunk: () => undefined, onMissing: () => undefined };

/**
 * The engine: gets chunks from the store, peers or the origin, verifies them, keeps them, and gives them to peers that
 * ask. The same in a tab, in a Node peer and in the simulator; the ports make the difference.
 */
export class Swarm {
  readonly #ports: SwarmPorts;
  readonly #events: SwarmEvents;
  readonly #demand = new Demand();
  /** Chunks that this peer has from the origin, and no partner has. */
  readonly #firstCopies = new Set<ChunkId>();
  readonly #neighbours: Neighbours;
  readonly #roster: Roster;
  readonly #inventory: Inventory;
  readonly #intake: Intake;
  readonly #fetches: Fetches;
  readonly #origin: OriginReads;
  readonly #choice: SourceChoice;
  readonly #uploadCap: UploadCap;
  readonly #politeness: Politeness;
  #catalog = new Catalog([]);
  #news: ReleaseNews | undefined;
  #banReason: string | undefined;
  #uploading = true;
  #cancelTick: CancelTimer | undefined;
  #pumpQueued = false;
  #closed = false;

  constructor(ports: SwarmPorts, policy: SwarmPolicy, events: SwarmEvents) {
    this.#ports = ports;
    this.#events = events;
    this.#uploadCap = new UploadCap(ports.clock, policy.uploadBytesPerSecond);
    this.#roster = new Roster(ports, policy, {
      onLink: (peer, link) => this.#neighbours.add(peer, link),
      onJoin: () => this.#choice.onJoin(),
      onLeases: (leases) => {
        this.#choice.onLeases(leases);
        this.#fetches.start(this.#choice.restOf(leases), 'bulk', NOBODY);
        this.#pumpSoon();
      },
      onChange: () => this.#pumpSoon(),
      leave: (peer) => this.#leaveSpare(peer),
    });
    this.#inventory = new Inventory(ports, policy, (runs) => {
      if (this.#uploading) this.#neighbours.announce(runs);
    });
    this.#intake = new Intake(ports, this.#demand, this.#inventory, {
      locate: (chunk) => this.#catalog.locate(chunk),
      onBytes: (source, plainBytes, wireBytes) => this.#count(source, plainBytes, wireBytes),
      onSettled: (wanted, source, wireBytes) => {
        this.#choice.onArrival(wanted, source, wireBytes);
        this.#cancelUnneeded(wanted);
        if (this.#demand.size === 0) for (const session of this.#neighbours.sessions.values()) this.#spare(session);
      },
      onOriginWrong: (chunk) => this.#handleOriginFailure([chunk]),
      onRoom: () => this.#pumpSoon(),
    });
    this.#neighbours = this.#makeNeighbours(policy.isSiteOnly);
    this.#politeness = new Politeness(ports.clock, this.#uploadCap, policy.isSiteOnly);
    this.#origin = new OriginReads(ports, {
      onChunk: (chunk, stored) => void this.#intake.takeFromOrigin(chunk, stored),
      onFailed: (chunks, form) => this.#handleOriginFailure(chunks, form),
      onEnd: () => this.#pumpSoon(),
    });
    this.#choice = new SourceChoice({
      ports,
      policy,
      demand: this.#demand,
      sessions: this.#neighbours.sessions,
      roster: this.#roster,
      origin: this.#origin,
      firstCopies: this.#firstCopies,
      catalog: () => this.#catalog,
      isHeld: (chunk) => this.#inventory.has(chunk),
      isUploading: () => this.#uploading,
    });
    this.#fetches = new Fetches({
      clock: ports.clock,
      demand: this.#demand,
      inventory: this.#inventory,
      intake: this.#intake,
      catalog: () => this.#catalog,
      isShared: (chunk) => this.#catalog.fileBytes(chunk) >= policy.minimumFileBytes,
      originFormOf: (chunk) => this.#origin.formOf(chunk),
      promptSessions: () => this.#choice.peers.promptSessions,
      onFirstWant: () => this.#choice.onFirstWant(),
      onUnwanted: (wanted) => this.#cancelUnneeded(wanted),
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
    this.#neighbours.announcePacks();
    this.#pumpSoon();
  }

  /** The newest release, verified: peers are told of it, and get its manifest when they ask. */
  setNews(news: ReleaseNews): void {
    this.#news = news;
    this.#neighbours.tellNews();
  }

  /** Resolves with a manifest that this peer has told of, not verified; `undefined` when it does not come. */
  async pullManifest(peer: PeerId, manifest: Sha256, length: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return await this.#neighbours.sessions.get(peer)?.pullManifest(manifest, length);
  }

  /** The peer has told or sent something that is not what it says. */
  ban(peer: PeerId, reason: string): void {
    this.#banReason = reason;
    this.#neighbours.sessions.get(peer)?.close('banned');
    this.#banReason = undefined;
  }

  /**
   * Store, then peers, then origin. Each chunk is reported once, in any order. `prompt` leaves out the origin: what no
   * peer can be expected to give at once is missing at once.
   */
  fetch(chunks: readonly ChunkId[], wantUrgency: WantUrgency, receiver: ChunkReceiver): Want {
    const want = this.#fetches.start(chunks, wantUrgency, receiver);
    this.#pumpSoon();
    return want;
  }

  /** These are in the store, by our own writing or somebody else's. */
  noteStored(chunks: readonly ChunkId[]): void {
    this.#inventory.note(chunks);
  }

  /** Takes these out of the store: peers see that they are gone. @throws StoreError */
  async drop(chunks: readonly ChunkId[]): Promise<void> {
    await this.#inventory.drop(chunks);
    this.#neighbours.offerAnew();
  }

  /** Connected peers that have it. */
  copiesOf(chunk: ChunkId): number {
    const location = this.#catalog.locate(chunk);
    return location === undefined ? 0 : this.#choice.peers.availability.of(location);
  }

  /** Whether peers are given anything. Off: they see that we have nothing, and downloads go on. */
  setUploading(uploading: boolean): void {
    if (uploading === this.#uploading) return;
    this.#uploading = uploading;
    this.#neighbours.offerAnew();
    this.#neighbours.tellNews();
    if (!uploading) this.#neighbours.rejectRequests();
  }

  get peerCount(): number {
    return this.#neighbours.sessions.size;
  }

  /** Leaves the room: no new peers, no new requests. What is being sent goes on; what is left is written. */
  async leave(): Promise<void> {
    this.#neighbours.leave();
    await this.#roster.close();
    await this.#inventory.close();
  }

  /** After `leave`: says goodbye to each peer that has what it asked for, and to all when the time is over. */
  async drain(limitMs: number): Promise<void> {
    const { clock } = this.#ports;
    const endMs = clock.now() + limitMs;
    while (this.peerCount > 0 && clock.now() < endMs) {
      this.#neighbours.close('idle');
      if (this.peerCount > 0) await new Promise<void>((resolve) => clock.after(DRAIN_STEP_MS, resolve));
    }
    await this.close();
  }

  /** Says goodbye to everyone and writes what is left. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTick?.();
    this.#neighbours.close('all');
    this.#politeness.close();
    this.#uploadCap.close();
    this.#origin.close();
    await this.#roster.close();
    await this.#inventory.close();
  }

  /** A chunk is settled: whoever else was asked for it is told, if nothing else is needed from the same request. */
  #cancelUnneeded(wanted: WantedChunk): void {
    for (const peer of [wanted.peer, wanted.latePeer]) {
      const session = peer === undefined ? undefined : this.#neighbours.sessions.get(peer);
      session?.downloads.cancelUnneeded((location) => this.#demand.get(chunkAt(location).id) !== undefined);
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
    const { clock } = this.#ports;
    const dueMs = clock.now() + TICK_MS;
    this.#cancelTick ??= clock.after(TICK_MS, () => {
      this.#cancelTick = undefined;
      const lateMs = clock.now() - dueMs;
      if (lateMs >= OWN_DELAY_MS) this.#neighbours.onOwnDelay(lateMs);
      this.#neighbours.dropStalled();
      if (this.#demand.size > 0) this.#roster.seek();
      for (const wanted of this.#choice.missing()) this.#demand.giveUp(wanted);
      this.#pump();
    });
    if (this.#inventory.unwrittenBytes <= MAX_UNWRITTEN_BYTES) this.#choice.ask();
  }

  // --- arrivals ------------------------------------------------------------------------------------------------

  /** @param form what they did not come in; by default what they were last asked for in */
  #handleOriginFailure(chunks: readonly ChunkId[], form?: OriginForm): void {
    const nowMs = this.#ports.clock.now();
    for (const chunk of chunks) this.#demand.onOriginFailure(chunk, form, this.#origin.formOf(chunk), nowMs);
    this.#pumpSoon();
  }

  // --- peers ---------------------------------------------------------------------------------------------------

  #makeNeighbours(isSiteOnly: boolean): Neighbours {
    const { clock, random } = this.#ports;
    return new Neighbours(clock, {
      instance: newInstanceId(() => random.next()),
      isSiteOnly,
      frame: new ByteWriter(),
      uploadCap: this.#uploadCap,
      uploadSlots: new UploadSlots(clock, this.#firstCopies),
      packs: () => this.#catalog.packs,
      offered: () => this.#offered,
      read: async (chunks) => {
        if (!this.#uploading) return chunks.map(() => undefined);
        return this.#inventory.readStored(chunks);
      },
      onOffer: (session, run) => {
        this.#spare(session);
        // Most news is of chunks that are here or on their way.
        if (run !== undefined && !wantedIn(this.#demand, run).some((wanted) => wanted.peer === undefined)) return;
        if (session.downloads.room > 0) this.#pumpSoon();
      },
      news: () => (this.#uploading ? this.#news : undefined),
      onPointer: ({ peer }, pointer) => this.#events.onPointer(peer, pointer),
      onHeard: () => {
        this.#roster.onHeard();
        this.#pumpSoon();
      },
      isElsewhere: (chunk) => this.#choice.peers.availability.of(chunk) > 1,
      onAvailability: (pack, index, by) => this.#choice.onAvailability(pack, index, by),
      onChunk: (session, location, stored) => void this.#intake.takeFromPeer(session, location, stored),
      onReleased: (peer, chunks) => {
        this.#demand.release(peer, chunks);
        this.#pumpSoon();
      },
      onUnneeded: (wireBytes) => this.#count('wasted', wireBytes, wireBytes),
      onUploaded: (session, plainBytes, wireBytes) => {
        this.#politeness.onUpload(session);
        this.#count('uploaded', plainBytes, wireBytes);
      },
      onCount: (count) => this.#events.onPeers(count),
      onEnd: (peer, reason) => this.#handleSessionEnd(peer, reason),
    });
  }

  #handleSessionEnd(peer: PeerId, reason: EndReason): void {
    const banned = reason === 'banned' || reason === 'misbehaved';
    this.#roster.onLinkEnd(peer, banned ? 'banned' : reason === 'closed' || reason === 'stalled' ? reason : 'left');
    if (banned) this.#events.onBan(peer, this.#banReason ?? reason);
    this.#pumpSoon();
  }

  /** Who has all that we have, while we want nothing, is of no use, nor are we. */
  #spare(session: PeerSession): void {
    if (this.#demand.size === 0 && session.heldChunks >= this.#inventory.size) this.#roster.spare(session.peer);
  }

  #leaveSpare(peer: PeerId): boolean {
    const session = this.#neighbours.sessions.get(peer);
    if (!session || session.isUploading || this.#demand.size > 0) return false;
    session.close('closed');
    return true;
  }

  get #offered(): Holdings {
    return this.#uploading ? this.#inventory.holdings : new Holdings();
  }

  #count(source: keyof Traffic['plain'], plainBytes: number, wireBytes: number): void {
    const delta = noTraffic();
    delta.plain[source] = plainBytes;
    if (source !== 'store') delta.wire[source] = wireBytes;
    this.#events.onTraffic(delta);
  }
}
