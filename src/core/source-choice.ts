import type { ChunkId, PackId, PeerId } from '../protocol/identifier.ts';
import { CHUNKS_PER_LEASE } from '../protocol/limits.ts';
import type { Lease } from '../protocol/signal-message.ts';
import { type Catalog, type ChunkLocation, chunkAt, type FileContent } from './catalog.ts';
import { type Demand, type WantedChunk, wantedIn } from './demand.ts';
import { LeaseHolder } from './lease-holder.ts';
import type { OriginReads } from './origin-reads.ts';
import { isOurTurn, PATIENCE_MS, type TurnFacts } from './origin-turns.ts';
import { PeerChoice } from './peer-choice.ts';
import type { PeerSession } from './peer-session.ts';
import { isSmallerPlain } from './plain-file.ts';
import type { SwarmPolicy } from './policy.ts';
import type { SwarmPorts } from './ports.ts';
import type { Roster } from './roster.ts';
import { arePeersSlow, askOrigin, isMissing, type SourceFacts } from './source-policy.ts';
import { ORIGIN_SAMPLE_BYTES, SourceSpeed } from './source-speed.ts';
import { MAX_SPAN_BYTES, pickSpan } from './span-picker.ts';

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

/**
 * What to get from peers and what from the origin: the decisions are in pure modules, this gathers their facts and carries
 * them out.
 */
export class SourceChoice {
  readonly peers: PeerChoice;
  readonly #sources: Sources;
  readonly #leases = new LeaseHolder();
  /** Of what comes by sharing: from peers, and as our part of what is fetched for all. */
  readonly #sharedSpeed = new SourceSpeed();
  readonly #originSpeed = new SourceSpeed(ORIGIN_SAMPLE_BYTES);
  /** When something last came, or a lease: patience begins then. */
  #progressMs = 0;

  constructor(sources: Sources) {
    this.#sources = sources;
    this.peers = new PeerChoice(sources.demand, sources.sessions, sources.ports.random);
  }

  /** Chunks are wanted, or the server waits for a last word. */
  get isOpen(): boolean {
    return this.#sources.demand.size > 0 || this.#leases.isOpen;
  }

  /** One peer more (1) or fewer (-1) has this chunk. */
  onAvailability(pack: PackId, index: number, by: 1 | -1): void {
    this.peers.availability.change(pack, index, by);
    const known = by === 1 ? this.#sources.catalog().packs.get(pack) : undefined;
    if (known === undefined) return;
    const location = { pack: known, index };
    this.#sources.firstCopies.delete(chunkAt(location).id);
    if (this.peers.availability.of(location) === 1) this.#leases.onNews(location, this.#sources.ports.clock.now());
  }

  /** Something is wanted after a time in which nothing was. */
  onFirstWant(): void {
    this.#progressMs = this.#sources.ports.clock.now();
    this.#sharedSpeed.restart();
    this.#sources.roster.onWant();
  }

  onArrival(wanted: WantedChunk, source: 'peers' | 'origin', wireBytes: number): void {
    this.#progressMs = this.#sources.ports.clock.now();
    const isFirstCopy = source === 'origin' && wanted.isShared && !this.peers.canGive(wanted);
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
          this.peers.availability.of({ pack, index: first + position }) === 0,
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
    this.peers.ask();
    this.#askOrigin();
  }

  /** Chunks that nobody can give. */
  missing(): WantedChunk[] {
    const { demand } = this.#sources;
    const facts = this.#facts();
    const missing: WantedChunk[] = [];
    for (const wanted of demand.inOrder()) {
      if (wanted.originFailures > 0 && isMissing(wanted, this.peers.canGive(wanted), facts)) missing.push(wanted);
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
      if (arePeersSlow ? wanted.peer === undefined : !this.peers.canGive(wanted)) yield wanted.location;
    }
  }

  #askOrigin(): void {
    const { demand, origin, policy, roster } = this.#sources;
    // The server, or the machine, may be busy with a crowd that has just come, of which each would take all that it wants.
    const most = roster.isMeeting ? 1 : policy.originSpans;
    if (origin.active >= most) return;
    const facts = this.#facts();
    const eligible = (wanted: WantedChunk): boolean => askOrigin(wanted, this.peers.canGive(wanted), facts, policy);
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
