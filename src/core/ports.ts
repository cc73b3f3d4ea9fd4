import type { Encoding } from '../protocol/encoding.ts';
import type { ChunkId, PackId, PeerId, Sha256 } from '../protocol/identifier.ts';
import type { ReleasePath } from '../protocol/release-path.ts';
import type { IceServer, Lease, PeerSignal } from '../protocol/signal-message.ts';
import type { LeaseWant } from './lease-holder.ts';

/**
 * All that the engine needs from the world. A tab, a Node peer and the simulator differ only in the objects that they
 * put here; test/contract holds one suite per port that every implementation passes.
 */
export interface SwarmPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly digest: Digest;
  readonly codec: Codec;
  readonly store: ChunkStore;
  readonly origin: Origin;
  readonly signaling: Signaling;
  readonly dialer: Dialer;
  readonly log: Log;
}

export interface Clock {
  /** Milliseconds from an arbitrary start, never going back. */
  now(): number;
  /** Runs once after `milliseconds` unless cancelled first. */
  after(milliseconds: number, run: () => void): CancelTimer;
}
export type CancelTimer = () => void;

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

export interface Digest {
  sha256(bytes: Uint8Array): Promise<Sha256>;
}

export interface Codec {
  /**
   * Decompresses raw deflate (RFC 1951) into exactly `plainBytes` bytes.
   *
   * Rejects when the data is damaged, shorter, or would be longer; never allocates more than `plainBytes` plus one
   * internal buffer.
   */
  inflateRaw(bytes: Uint8Array, plainBytes: number): Promise<Uint8Array<ArrayBuffer>>;
}

export interface StoredChunk {
  readonly encoding: Encoding;
  /** The encoded bytes, as they came. */
  readonly bytes: Uint8Array;
}

/** Chunks kept on this machine. What it returns is untrusted: a disk lies. */
export interface ChunkStore {
  /** Ids of all chunks, in no order. */
  list(): Promise<ChunkId[]>;
  /** In the order of `ids`; `undefined` for what is not there. */
  get(ids: readonly ChunkId[]): Promise<(StoredChunk | undefined)[]>;
  /** All or nothing for one call; rejects with StoreError. The bytes must not change until it has settled. */
  put(chunks: ReadonlyMap<ChunkId, StoredChunk>): Promise<void>;
  delete(ids: readonly ChunkId[]): Promise<void>;
  close(): Promise<void>;
}

/** The ordinary web server or CDN. */
export interface Origin {
  /** Bytes `[offset, offset + length)` of a pack, by HTTP Range: nothing else is ever returned. */
  readPack(pack: PackId, offset: number, length: number): ByteSource;
  /**
   * A plain file of the release, decoded from its Content-Encoding. May be of another release: verify.
   *
   * @param mustBeCompressed ends with `origin-uncompressed`, before the body is read, when it comes without one
   */
  readFile(path: ReleasePath, mustBeCompressed?: boolean): ByteSource;
}

/** Bytes that arrive piece by piece. */
export interface ByteSource {
  /** The next piece, `undefined` at the end. Rejects with OriginError; not called again before it settled. */
  next(): Promise<Uint8Array | undefined>;
  /** Stops it; a `next` under way rejects. Harmless when it has ended. */
  cancel(): void;
}

/** Introduces this peer to others. Reconnects by itself until closed. */
export interface Signaling {
  /** Called once. */
  open(handlers: SignalingHandlers): void;
  send(to: PeerId, signal: PeerSignal): void;
  /**
   * Asks for up to `count` more partners. Lost while the server is away: ask again on `onWelcome`.
   *
   * @param partners How many there are, those of which the server was told that they are spare among them. @default 0
   */
  match(count: number, partners?: number): void;
  unmatch(peer: PeerId): void;
  /** What this peer would fetch from the origin; replaces the last one. Lost while the server is away. */
  want(want: LeaseWant): void;
  close(): Promise<void>;
}

export interface SignalingHandlers {
  /** Connected and joined; after a reconnect again, with a new peer id. */
  onWelcome(welcome: { readonly peer: PeerId; readonly iceServers: readonly IceServer[] }): void;
  onPartner(partner: { readonly peer: PeerId; readonly initiator: boolean }): void;
  onSignal(from: PeerId, signal: PeerSignal): void;
  onGone(peer: PeerId): void;
  /** This peer is the one to fetch these. */
  onLeases(leases: readonly Lease[]): void;
  /** The server is away, or was never there; attempts go on. */
  onDown(reason: string): void;
}

/** Builds a connection to one partner. */
export interface Dialer {
  dial(request: DialRequest, handlers: DialHandlers): Dialing;
}

export interface DialRequest {
  readonly peer: PeerId;
  readonly initiator: boolean;
  readonly iceServers: readonly IceServer[];
}

/** Exactly one of `onOpen` and `onFailed` is called, unless closed before. */
export interface DialHandlers {
  onSignal(signal: PeerSignal): void;
  onOpen(link: PeerLink): void;
  onFailed(reason: string): void;
}

export interface Dialing {
  handleSignal(signal: PeerSignal): void;
  /** Gives up; a link that is already open is not touched. */
  close(): void;
}

/** An open, ordered, reliable, message-keeping channel to one peer. */
export interface PeerLink {
  /** Called once; frames that came earlier are delivered then. */
  bind(handlers: LinkHandlers): void;
  /** Queues one frame. The bytes are copied before it returns. Harmless after the end. */
  send(frame: Uint8Array): void;
  /** Bytes queued and not yet handed to the network. */
  readonly bufferedBytes: number;
  /** Where `onWritable` is told; LINK_HIGH_WATER_BYTES / 4 at first. */
  lowWaterBytes: number;
  /**
   * Mean of the round trips, in milliseconds, that the transport has measured since the last call, apart from anything that is
   * queued here; `undefined` when there were none. Left out where the transport tells of none.
   */
  roundTripMs?(): Promise<number | undefined>;
  /** Sends what is queued, then closes; `onClose` follows. */
  close(): void;
}

export interface LinkHandlers {
  onFrame(frame: Uint8Array): void;
  /** `bufferedBytes` fell to or below `lowWaterBytes` after having been above it. */
  onWritable(): void;
  /** Called once, whoever closed it. */
  onClose(): void;
}

/**
 * A sender stops at the high mark at the latest and resumes at `onWritable`. 1 MiB is the most that Chromium's SCTP takes
 * without blocking; a quarter of it keeps a 30 MB/s path busy for the 5 ms that a poll takes where there is no event.
 */
export const LINK_HIGH_WATER_BYTES = 1024 * 1024;

export interface Log {
  /** Something that a developer who looks for a fault wants to see; never anything that a user must act on. */
  debug(event: string, details?: Readonly<Record<string, unknown>>): void;
}
