import type { InstanceId, PackId } from '../protocol/identifier.ts';
import type { CatalogPack, ChunkLocation, Span } from './catalog.ts';
import type { ReleaseNews } from './peer-news.ts';
import type { PeerSession } from './peer-session.ts';
import type { StoredChunk } from './ports.ts';
import type { UploadSource } from './upload-queue.ts';

/** What a session tells the engine. */
export interface SessionHost extends Omit<UploadSource, 'heldChunks' | 'onUploaded'> {
  /** Of this engine. */
  readonly instance: InstanceId;
  /** Who is not of this engine's site is left. */
  readonly isSiteOnly: boolean;
  pack(id: PackId): CatalogPack | undefined;
  /** The other side said who it is. */
  onGreeting(session: PeerSession): void;
  /** It can be asked now, or it has more than before: `run`, or anything. */
  onOffer(session: PeerSession, run: Span | undefined): void;
  /** What is told of releases; `undefined` where nothing is given to peers. */
  news(): ReleaseNews | undefined;
  /** It tells of a release: a pointer file, not decoded. */
  onPointer(session: PeerSession, bytes: Uint8Array): void;
  /** It has told all that it had at its start. */
  onHeard(): void;
  /** Another peer has it, too. */
  isElsewhere(chunk: ChunkLocation): boolean;
  /** One peer more (1) or fewer (-1) has this chunk. */
  onAvailability(pack: PackId, index: number, by: 1 | -1): void;
  /** A chunk that was asked for has arrived; not verified. */
  onChunk(session: PeerSession, location: ChunkLocation, stored: StoredChunk): void;
  /** The peer will not send these. */
  onRefused(session: PeerSession, chunks: readonly ChunkLocation[]): void;
  /** Bytes came that nobody waits for any more. */
  onUnneeded(wireBytes: number): void;
  /** A chunk has gone out to it. */
  onUploaded(session: PeerSession, plainBytes: number, wireBytes: number): void;
  /** Over, whoever ended it; `unanswered` was asked for and did not come. */
  onEnd(session: PeerSession, reason: EndReason, unanswered: readonly ChunkLocation[]): void;
}

/**
 * `misbehaved`: the peer broke the protocol. `stalled`: too slow to be worth its requests. `useless`: it has refused what
 * it claims to have, again and again. `far`: it is not of our site, as its round trips say.
 */
export type EndReason = 'closed' | 'misbehaved' | 'version' | 'stalled' | 'useless' | 'far' | 'banned';
