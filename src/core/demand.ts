import type { SourceName, Urgency } from '../protocol/bridge-message.ts';
import type { ChunkId, PeerId } from '../protocol/identifier.ts';
import { type ChunkLocation, chunkAt, type Span } from './catalog.ts';

/** Who waits for a chunk. */
export interface ChunkReceiver {
  /** Verified plain bytes; the buffer is the receiver's own and may be transferred. */
  onChunk(chunk: ChunkId, plain: Uint8Array<ArrayBuffer>, source: SourceName): void;
  /** No source has it now. */
  onMissing(chunk: ChunkId): void;
}

/** Where the origin has a chunk: in a pack, and in each plain file that it is of. */
export type OriginForm = 'pack' | 'file';

/** A chunk that somebody waits for and that the store does not have. */
export interface WantedChunk {
  readonly id: ChunkId;
  readonly location: ChunkLocation;
  readonly wantedAtMs: number;
  readonly receivers: Set<ChunkReceiver>;
  /** Peers are asked for it; else the origin alone, until that fails. */
  isShared: boolean;
  urgency: Urgency;
  /** The peer that was asked and has not answered yet. */
  peer: PeerId | undefined;
  /** One that was asked before it and is late; whoever comes first, the other is told to stop. */
  latePeer: PeerId | undefined;
  /** What the origin is being asked for that contains it. */
  atOrigin: OriginForm | undefined;
  originFailures: number;
  /** What it is asked for next. */
  nextForm: OriginForm;
  /** The origin is not asked again before. */
  originRetryAtMs: number;
  /** It arrived, and is being verified. */
  arrived: boolean;
}

/** After its second failure; twice that after the third, and so on. */
const FIRST_ORIGIN_PAUSE_MS = 2000;
const MOST_ORIGIN_DOUBLINGS = 4;

/** All that is wanted, in the order in which sources are asked: urgent before bulk, each first come, first served. */
export class Demand {
  readonly #chunks = new Map<ChunkId, WantedChunk>();
  readonly #queues: Record<Urgency, Set<WantedChunk>> = { urgent: new Set(), bulk: new Set() };

  get size(): number {
    return this.#chunks.size;
  }

  get(chunk: ChunkId): WantedChunk | undefined {
    return this.#chunks.get(chunk);
  }

  add(
    chunk: ChunkId,
    { location, urgency, isShared }: Pick<WantedChunk, 'location' | 'urgency' | 'isShared'>,
    receiver: ChunkReceiver,
    nowMs: number,
  ): WantedChunk {
    const known = this.#chunks.get(chunk);
    if (known !== undefined) {
      known.receivers.add(receiver);
      if (urgency === 'urgent' && known.urgency === 'bulk') this.#promote(known);
      return known;
    }
    const wanted: WantedChunk = {
      id: chunk,
      location,
      wantedAtMs: nowMs,
      receivers: new Set([receiver]),
      isShared,
      urgency,
      peer: undefined,
      latePeer: undefined,
      atOrigin: undefined,
      originFailures: 0,
      nextForm: 'pack',
      originRetryAtMs: 0,
      arrived: false,
    };
    this.#chunks.set(chunk, wanted);
    this.#queues[urgency].add(wanted);
    return wanted;
  }

  /** What this peer was asked for and does not give: free for another source. */
  release(peer: PeerId, chunks: readonly ChunkLocation[]): void {
    for (const location of chunks) {
      const wanted = this.#chunks.get(chunkAt(location).id);
      if (wanted?.peer === peer) wanted.peer = undefined;
      if (wanted?.latePeer === peer) wanted.latePeer = undefined;
    }
  }

  /**
   * The origin did not give it, or something else.
   *
   * @param failed in what; `undefined`: in what it was last asked for in
   * @param coming what another read will bring it in: a plain file is read whole, also what a pack is being read for.
   */
  onOriginFailure(chunk: ChunkId, failed: OriginForm | undefined, coming: OriginForm | undefined, nowMs: number): void {
    const wanted = this.#chunks.get(chunk);
    if (wanted === undefined) return;
    wanted.nextForm = (failed ?? wanted.atOrigin) === 'file' ? 'pack' : 'file';
    wanted.atOrigin = coming;
    wanted.originFailures += 1;
    wanted.isShared = true;
    // The first failure turns to the other form at once; afterwards a struggling origin gets time.
    const pauseMs = FIRST_ORIGIN_PAUSE_MS * 2 ** Math.min(wanted.originFailures - 2, MOST_ORIGIN_DOUBLINGS);
    wanted.originRetryAtMs = wanted.originFailures === 1 ? 0 : nowMs + pauseMs;
  }

  /** No source has it now. */
  giveUp(wanted: WantedChunk): void {
    this.remove(wanted);
    for (const receiver of wanted.receivers) receiver.onMissing(wanted.id);
  }

  remove(wanted: WantedChunk): void {
    this.#chunks.delete(wanted.id);
    this.#queues[wanted.urgency].delete(wanted);
  }

  *inOrder(): Generator<WantedChunk> {
    yield* this.#queues.urgent;
    yield* this.#queues.bulk;
  }

  #promote(wanted: WantedChunk): void {
    this.#queues.bulk.delete(wanted);
    wanted.urgency = 'urgent';
    this.#queues.urgent.add(wanted);
  }
}

/** What is wanted of a span, in its order. */
export function wantedIn(demand: Demand, { pack, first, count }: Span): WantedChunk[] {
  return pack.chunks
    .slice(first, first + count)
    .map((chunk) => demand.get(chunk.id))
    .filter((wanted) => wanted !== undefined);
}

/** Encoded bytes as the pack has them; what a peer holds may be encoded otherwise, which only shifts an estimate. */
export function encodedBytesOf(wanted: WantedChunk): number {
  return chunkAt(wanted.location).encodedBytes;
}
