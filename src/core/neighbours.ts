import type { ByteWriter } from '../protocol/bytes.ts';
import type { InstanceId, PackId, PeerId } from '../protocol/identifier.ts';
import type { CatalogPack, ChunkLocation, Span } from './catalog.ts';
import type { Holdings } from './holdings.ts';
import { HELLO_LIMIT_MS } from './liveness.ts';
import { PeerSession } from './peer-session.ts';
import type { Clock, PeerLink, StoredChunk } from './ports.ts';
import type { EndReason, SessionHost } from './session-host.ts';
import type { UploadCap } from './upload-cap.ts';
import type { UploadSlots } from './upload-slots.ts';

/** A timer that is so much late says that this machine, or this thread, has more to do than it can. */
export const OWN_DELAY_MS = 200;

/** What the connected peers tell the engine, and what they need of it. */
export interface NeighboursHost {
  /** Of this engine. */
  readonly instance: InstanceId;
  readonly isSiteOnly: boolean;
  readonly frame: ByteWriter;
  readonly uploadCap: UploadCap;
  readonly uploadSlots: UploadSlots;
  /** The packs that are known, and what is offered of them. */
  packs(): ReadonlyMap<PackId, CatalogPack>;
  offered(): Holdings;
  read: SessionHost['read'];
  onOffer: SessionHost['onOffer'];
  news: SessionHost['news'];
  onPointer: SessionHost['onPointer'];
  onHeard(): void;
  isElsewhere: SessionHost['isElsewhere'];
  onAvailability(pack: PackId, index: number, by: 1 | -1): void;
  onChunk(session: PeerSession, location: ChunkLocation, stored: StoredChunk): void;
  /** Asked for and not coming. */
  onReleased(peer: PeerId, chunks: readonly ChunkLocation[]): void;
  onUnneeded(wireBytes: number): void;
  onUploaded: SessionHost['onUploaded'];
  /** `count` are connected now. */
  onCount(count: number): void;
  onEnd(peer: PeerId, reason: EndReason): void;
}

/** The peers that are connected: makes a session of each link, tells all of them the news, and ends those of no use. */
export class Neighbours {
  readonly sessions = new Map<PeerId, PeerSession>();
  readonly #clock: Clock;
  readonly #host: NeighboursHost;

  constructor(clock: Clock, host: NeighboursHost) {
    this.#clock = clock;
    this.#host = host;
  }

  add(peer: PeerId, link: PeerLink): void {
    const host = this.#host;
    const session = new PeerSession(peer, link, {
      now: () => this.#clock.now(),
      pack: (id) => host.packs().get(id),
      instance: host.instance,
      isSiteOnly: host.isSiteOnly,
      onGreeting: (greeted) => this.#dropFormer(greeted),
      onOffer: (from, run) => host.onOffer(from, run),
      news: () => host.news(),
      onPointer: (from, bytes) => host.onPointer(from, bytes),
      onHeard: () => host.onHeard(),
      isElsewhere: (chunk) => host.isElsewhere(chunk),
      onAvailability: (pack, index, by) => host.onAvailability(pack, index, by),
      onChunk: (from, location, stored) => host.onChunk(from, location, stored),
      onRefused: (from, chunks) => host.onReleased(from.peer, chunks),
      onUnneeded: (wireBytes) => host.onUnneeded(wireBytes),
      onEnd: (ended, reason, unanswered) => this.#handleEnd(ended, reason, unanswered),
      frame: host.frame,
      uploadCap: host.uploadCap,
      uploadSlots: host.uploadSlots,
      read: (chunks) => host.read(chunks),
      onUploaded: (to, plainBytes, wireBytes) => host.onUploaded(to, plainBytes, wireBytes),
    });
    this.sessions.set(peer, session);
    session.start(host.packs().values(), host.offered());
    this.#lookLater();
    this.#count();
  }

  /** Packs became known. */
  announcePacks(): void {
    for (const session of this.sessions.values()) session.announce(this.#host.packs().values(), this.#host.offered());
  }

  /** What is offered has changed as a whole. */
  offerAnew(): void {
    for (const session of this.sessions.values()) session.offer(this.#host.packs().values(), this.#host.offered());
  }

  /** A newer release became known. */
  tellNews(): void {
    for (const session of this.sessions.values()) session.tellNews();
  }

  /** Chunks can be served from now on. */
  announce(runs: readonly Span[]): void {
    for (const run of runs) {
      for (const session of this.sessions.values()) session.have(run);
    }
  }

  rejectRequests(): void {
    for (const session of this.sessions.values()) session.rejectRequests();
  }

  /** Takes no requests any more. */
  leave(): void {
    for (const session of this.sessions.values()) session.leave();
  }

  /** Ends those to whom nothing is being sent, or all. */
  close(which: 'idle' | 'all'): void {
    for (const session of [...this.sessions.values()]) {
      if (which === 'all' || !session.isUploading) session.close('closed');
    }
  }

  /** Leaves who gives nothing, and takes back what is late. */
  dropStalled(): void {
    const nowMs = this.#clock.now();
    for (const session of [...this.sessions.values()]) {
      if (session.isStalled(nowMs)) {
        session.close('stalled');
        continue;
      }
      session.downloads.takeBackLate(nowMs);
      session.probe(nowMs);
    }
  }

  /** Our own timers were late by so much: we may not have read yet what they sent. */
  onOwnDelay(lateMs: number): void {
    for (const session of this.sessions.values()) session.onOwnDelay(lateMs);
  }

  /** For a `hello` that does not come, also while nothing is asked for. */
  #lookLater(): void {
    const dueMs = this.#clock.now() + HELLO_LIMIT_MS;
    this.#clock.after(HELLO_LIMIT_MS, () => {
      const lateMs = this.#clock.now() - dueMs;
      if (lateMs < OWN_DELAY_MS) {
        this.dropStalled();
        return;
      }
      this.onOwnDelay(lateMs);
      this.#lookLater();
    });
  }

  #count(): void {
    for (const session of this.sessions.values()) session.downloads.window.peers = this.sessions.size;
    this.#host.onCount(this.sessions.size);
  }

  #handleEnd(session: PeerSession, reason: EndReason, unanswered: readonly ChunkLocation[]): void {
    this.sessions.delete(session.peer);
    this.#host.onReleased(session.peer, unanswered);
    this.#host.onEnd(session.peer, reason);
    this.#count();
  }

  /**
   * After the signaling server was away, both sides have new peer ids, and it pairs them again. Of two connections the
   * newer one stays: it is known to work, and the older one may have died with the network that took signaling along.
   */
  #dropFormer(greeted: PeerSession): void {
    for (const session of [...this.sessions.values()]) {
      if (session !== greeted && session.instance === greeted.instance) session.close('closed');
    }
  }
}
