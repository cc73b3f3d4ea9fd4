import type { ChunkId, PackId, PeerId } from '../protocol/identifier.ts';
import { CHUNKS_PER_LEASE } from '../protocol/limits.ts';
import type { Lease } from '../protocol/signal-message.ts';
import { Availability } from './availability.ts';
import { type Catalog, type ChunkLocation, chunkAt, type FileContent, type Span } from './catalog.ts';
import { type Demand, type WantedChunk, wantedIn } from './demand.ts';
import { LeaseHolder } from './lease-holder.ts';
import type { OriginReads } from './origin-reads.ts';
import { isOurTurn, PATIENCE_MS, type TurnFacts } from './origin-turns.ts';
import type { PeerSession } from './peer-session.ts';
import { isSmallerPlain } from './plain-file.ts';
import type { SwarmPolicy } from './policy.ts';
import type { SwarmPorts } from './ports.ts';
import type { Roster } from './roster.ts';
import { arePeersSlow, askOrigin, isMissing, type SourceFacts } from './source-policy.ts';
import { ORIGIN_SAMPLE_BYTES, SourceSpeed } from './source-speed.ts';
import { extendSpan, MAX_SPAN_BYTES, pickFirst, pickSpan } from './span-picker.ts';

/** What is chosen among, and what is asked. */
export interface Sources {
  readonly ports: Pick<SwarmPorts, 'clock' | 'random' | 'signaling'>;
  readonly policy: SwarmPolicy;
  readonly demand: Demand;
  readonly sessions: ReadonlyMap<PeerId, PeerSession>;
  readonly roster: Roster;
  readonly origin: OriginReads;
  /** Chunks that this peer has from the origin, and no partner has. */
  readonly firstCopies: Set<ChunkId>;
  readonly catalog: () => Catalog;
  readonly isHeld: (chunk: ChunkId) => boolean;
  /** Who gives nothing to others must not be the one who fetches for them. */
  readonly isUploading: () => boolean;
}

/** From so many peers on, rare chunks come first, so that they soon have different ones to give each other. */
const TRADING_PEERS = 3;
/**
 * What waits longer for its peer is asked of one that has nothing to do. In the simulator ten times as much came twice
 * after 1 s.
 */
const LATE_MS = 1500;

/** Whom to ask for which wanted chunk: the decisions are in pure modules, this gathers their facts and carries them out. */
export class SourceChoice {
  readonly availability = new Availability();
  readonly #sources: Sources;
  readonly #leases = new LeaseHolder();
  /** Of what comes by sharing: from peers, and as our part of what is fetched for all. */
  readonly #sharedSpeed = new SourceSpeed();
  readonly #originSpeed = new SourceSpeed(ORIGIN_SAMPLE_BYTES);
  /** When something last came, or a lease: patience begins then. */
  #progressMs = 0;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** Chunks are wanted, or the server waits for a last word. */
  get isOpen(): boolean {
    return this.#sources.demand.size > 0 || this.#leases.isOpen;
  }

  /** Sessions that may be asked for what a page waits for. */
  get promptSessions(): PeerSession[] {
    return [...this.#sources.sessions.values()].filter((session) => session.downloads.isPrompt);
  }

  /** One peer more (1) or fewer (-1) has this chunk. */
  onAvailability(pack: PackId, index: number, by: 1 | -1): void {
    this.availability.change(pack, index, by);
    const known = by === 1 ? this.#sources.catalog().packs.get(pack) : undefined;
    if (known === undefined) return;
    const location = { pack: known, index };
    this.#sources.firstCopies.delete(chunkAt(location).id);
    if (this.availability.of(location) === 1) this.#leases.onNews(location, this.#sources.ports.clock.now());
  }

  /** Something is wanted after a time in which nothing was. */
  onFirstWant(): void {
    this.#progressMs = this.#sources.ports.clock.now();
    this.#sharedSpeed.restart();
    this.#sources.roster.onWant();
  }

  onArrival(wanted: WantedChunk, source: 'peers' | 'origin', wireBytes: number): void {
    this.#progressMs = this.#sources.ports.clock.now();
    const isFirstCopy = source === 'origin' && wanted.isShared && !this.#peerHas(wanted);
    if (isFirstCopy) this.#sources.firstCopies.add(wanted.id);
    if (isFirstCopy || source === 'peers') this.#sharedSpeed.onBytes(wireBytes);
    if (source === 'origin') this.#originSpeed.onBytes(wireBytes);
  }

  /** A server, the same or a new one, knows us under a new id. */
  onJoin(): void {
    this.#leases.reset();
  }

  onLeases(leases: readonly Lease[]): void {
    this.#leases.add(leases);
    this.#progressMs = this.#sources.ports.clock.now();
  }

  /**
   * What is leased comes whole: chunks of it that the reader here has not come to yet, of the same file, and that no
   * partner has. Whoever has come to them waits for those who have the lease.
   */
  restOf(leases: readonly Lease[]): ChunkId[] {
    const { demand, catalog, isHeld, policy } = this.#sources;
    if (!policy.completesLeases) return [];
    return leases.flatMap(({ pack: id, unit }) => {
      const pack = catalog().packs.get(id);
      if (pack === undefined) return [];
      const first = unit * CHUNKS_PER_LEASE;
      const chunks = pack.chunks.slice(first, first + CHUNKS_PER_LEASE).map((chunk) => chunk.id);
      const wanted = chunks.find((chunk) => demand.get(chunk)?.urgency === 'bulk');
      if (wanted === undefined) return [];
      return chunks.filter(
        (chunk, position) =>
          catalog().isOfSameFile(chunk, wanted) &&
          demand.get(chunk) === undefined &&
          !isHeld(chunk) &&
          this.availability.of({ pack, index: first + position }) === 0,
      );
    });
  }

  /** Tells the server that gives out leases what is to be had from the origin only, as far as we know. */
  report(): void {
    const { ports, roster } = this.#sources;
    const nowMs = ports.clock.now();
    this.#measure(nowMs);
    // Nobody can have given anything yet.
    if (roster.isIntroducing(nowMs)) this.#progressMs = nowMs;
    else if (roster.isJoined) this.#reportLacking(nowMs);
  }

  #reportLacking(nowMs: number): void {
    const { ports, sessions, isUploading, firstCopies } = this.#sources;
    // Nobody is there to give it to.
    const ungiven = sessions.size === 0 ? 0 : firstCopies.size;
    const want = this.#leases.report(isUploading() ? this.#lacking() : [], ungiven, nowMs);
    if (want !== undefined) ports.signaling.want(want);
  }

  ask(): void {
    this.#askPeers();
    if (this.#giveAwayLate()) this.#askPeers();
    this.#askOrigin();
  }

  /** Chunks that nobody can give. */
  missing(): WantedChunk[] {
    const { demand } = this.#sources;
    const facts = this.#facts();
    const missing: WantedChunk[] = [];
    for (const wanted of demand.inOrder()) {
      if (wanted.originFailures > 0 && isMissing(wanted, this.#peerHas(wanted), facts)) missing.push(wanted);
    }
    return missing;
  }

  #measure(nowMs: number): void {
    const { sessions, origin } = this.#sources;
    let isAsked = false;
    for (const session of sessions.values()) isAsked ||= session.downloads.isAsked;
    this.#sharedSpeed.update(isAsked, nowMs);
    this.#originSpeed.update(origin.active > 0, nowMs);
  }

  *#lacking(): Generator<ChunkLocation> {
    const arePeersSlow = this.#arePeersSlow;
    for (const wanted of this.#sources.demand.inOrder()) {
      if (wanted.urgency !== 'bulk' || wanted.arrived || !wanted.isShared) continue;
      if (arePeersSlow ? wanted.peer === undefined : !this.#peerHas(wanted)) yield wanted.location;
    }
  }

  #askPeers(): void {
    const { demand, sessions } = this.#sources;
    const open = [...sessions.values()].filter(({ downloads }) => downloads.room > 0);
    if (open.length === 0) return;
    const free: WantedChunk[] = [];
    for (const wanted of demand.inOrder()) {
      if (wanted.peer === undefined && !wanted.arrived && this.#peerHas(wanted)) free.push(wanted);
    }
    if (free.length === 0) return;
    const prompt = free[0]?.urgency === 'urgent' ? this.promptSessions : [];
    const mayAsk = (session: PeerSession, wanted: WantedChunk): boolean => {
      if (wanted.peer !== undefined || wanted.arrived || !wanted.isShared) return false;
      if (!session.has(wanted.location)) return false;
      if (wanted.latePeer === session.peer) return false;
      if (wanted.urgency === 'bulk' || prompt.includes(session)) return true;
      // A slow one is better than none.
      return !prompt.some((other) => other.has(wanted.location));
    };
    // Least loaded first, and again until nobody takes more: neighbours share a file instead of one getting it all.
    for (let asking = open.sort((a, b) => a.downloads.openBytes - b.downloads.openBytes); asking.length > 0; ) {
      asking = asking.filter((session) => {
        const { room } = session.downloads;
        const span = room === 0 ? undefined : this.#pick(free, (wanted) => mayAsk(session, wanted), room);
        if (span === undefined) return false;
        for (const wanted of wantedIn(demand, span)) wanted.peer = session.peer;
        session.downloads.request(span);
        return true;
      });
    }
  }

  /**
   * What waits longest for its peer is asked of those who have nothing to do: one slow peer would otherwise hold up the
   * end, when everything is asked for.
   *
   * @returns whether there is something to ask for again
   */
  #giveAwayLate(): boolean {
    const { demand, sessions } = this.#sources;
    const all = [...sessions.values()];
    const idle = all.filter((session) => !session.downloads.isAsked && session.downloads.room > 0);
    if (idle.length === 0) return false;
    const late = all
      .map((session) => ({ session, queueMs: session.downloads.queueMs }))
      .filter(({ queueMs }) => queueMs > LATE_MS)
      .sort((a, b) => b.queueMs - a.queueMs)
      .slice(0, idle.length);
    let given = false;
    for (const { session } of late) {
      for (const location of session.downloads.last) {
        const wanted = demand.get(chunkAt(location).id);
        if (
          wanted?.peer !== session.peer ||
          wanted.latePeer !== undefined ||
          !idle.some((other) => other.has(location))
        )
          continue;
        wanted.peer = undefined;
        wanted.latePeer = session.peer;
        given = true;
      }
    }
    return given;
  }

  #pick(free: readonly WantedChunk[], eligible: (wanted: WantedChunk) => boolean, room: number): Span | undefined {
    const { demand, sessions, ports } = this.#sources;
    // Among a few peers there is nothing to trade: in order, for whoever reads.
    const turn = sessions.size < TRADING_PEERS ? undefined : ports.random.next();
    const first = pickFirst(free, eligible, (wanted) => this.availability.of(wanted.location), turn);
    return first && extendSpan(demand, first, eligible, room);
  }

  #askOrigin(): void {
    const { demand, origin, policy, roster } = this.#sources;
    // The server, or the machine, may be busy with a crowd that has just come, of which each would take all that it wants.
    const most = roster.isMeeting ? 1 : policy.originSpans;
    if (origin.active >= most) return;
    const facts = this.#facts();
    const eligible = (wanted: WantedChunk): boolean => askOrigin(wanted, this.#peerHas(wanted), facts, policy);
    while (origin.active < most) {
      const span = pickSpan(demand, eligible, MAX_SPAN_BYTES);
      if (span === undefined) return;
      const wanted = wantedIn(demand, span);
      const plainFile = this.#plainFileFor(wanted[0], facts);
      const chunks = plainFile?.chunks.map((chunk) => demand.get(chunk.id)) ?? wanted;
      for (const chunk of chunks) if (chunk !== undefined) chunk.atOrigin = plainFile === undefined ? 'pack' : 'file';
      if (plainFile === undefined) origin.readSpan(span);
      else origin.readFile(plainFile, wanted[0]?.originFailures === 0);
    }
  }

  /**
   * Every second attempt is the plain file: a host may have lost the packs, or not know Range. Who is alone begins with
   * it where it is fewer bytes.
   */
  #plainFileFor(wanted: WantedChunk | undefined, { isAlone }: SourceFacts): FileContent | undefined {
    if (wanted === undefined) return undefined;
    const { origin, policy, demand, catalog, isHeld } = this.#sources;
    const content = catalog().fileWith(wanted.id);
    if (content === undefined) return undefined;
    const isHereOrComing = (chunk: ChunkId): boolean => isHeld(chunk) || origin.formOf(chunk) !== undefined;
    if (isAlone && policy.takesPlainFiles && origin.compresses && isSmallerPlain(content, demand, isHereOrComing)) {
      for (const chunk of content.chunks) {
        const other = demand.get(chunk.id);
        if (other !== undefined) other.nextForm = 'file';
      }
    }
    return wanted.nextForm === 'file' ? content : undefined;
  }

  #peerHas(wanted: WantedChunk): boolean {
    return wanted.isShared && this.availability.of(wanted.location) > 0;
  }

  get #arePeersSlow(): boolean {
    return arePeersSlow(this.#sharedSpeed, this.#originSpeed, this.#sources.policy);
  }

  #facts(): SourceFacts {
    const { ports, roster } = this.#sources;
    const nowMs = ports.clock.now();
    const sessions = [...this.#sources.sessions.values()];
    const turn: TurnFacts = {
      nowMs,
      hasServer: roster.isJoined,
      serverLostMs: roster.serverLostMs,
      self: roster.self,
      partners: sessions.map(({ peer }) => peer),
      dialing: roster.dialing,
      progressMs: this.#progressMs,
    };
    // Only those take turns who need it.
    const without = (location: ChunkLocation): PeerId[] =>
      sessions.filter((session) => !session.has(location)).map(({ peer }) => peer);
    return {
      nowMs,
      isAlone: sessions.length === 0 && turn.dialing.length === 0,
      introducing: roster.isIntroducing(nowMs),
      cutOff: roster.isCutOff && sessions.length === 0,
      isOurTurn: (location) =>
        isOurTurn(
          location,
          this.#leases.has(location),
          this.#leases.isArriving(location, nowMs),
          turn.hasServer && nowMs - this.#progressMs < PATIENCE_MS ? turn : { ...turn, partners: without(location) },
        ),
      peersAreSlow: this.#arePeersSlow,
    };
  }
}
