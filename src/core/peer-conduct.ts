import { ProtocolError } from '../protocol/errors.ts';
import { MessageBudget, requestCost } from './message-budget.ts';

/** What news costs of the budget: a peer that loads at 100 MB/s tells of 1,600 chunks a second. */
export const HAVE_COST = 1 / 8;
/** Each is 16,384 bits of work at most; a peer with 4,096 packs begins with as many. */
export const BITFIELD_COST = 1 / 4;
/** What a request for a part of a manifest costs, as one for 64 KiB of chunks does. */
export const MANIFEST_PART_COST = 2;
/** A part of a manifest below that costs a message: what a message of data earns back. */
export const SMALL_PART_BYTES = 16 * 1024;

/**
 * How often a peer may refuse without giving a chunk in between. What it refuses at once, before it was asked again,
 * counts as one. Refusing as slowly as its pace allows, it holds chunks for 24 s.
 */
const MAX_FRUITLESS_ROUNDS = 8;

/** How much one peer may ask of us, tell us and refuse before its session ends. Pure: time comes in. */
export class PeerConduct {
  /** What the peer may send, and what we may by its count. */
  readonly #incoming: MessageBudget;
  readonly #outgoing: MessageBudget;
  /** Bytes that may still come of requests that were cancelled. */
  #cancelledBytes = 0;
  #fruitlessRounds = 0;
  /** Requests from this number on were made after the last refusal that counted. */
  #nextRound = 0;

  constructor(nowMs: number) {
    this.#incoming = new MessageBudget(nowMs);
    this.#outgoing = new MessageBudget(nowMs);
  }

  /** The peer has sent something that costs so much. @throws ProtocolError when it has sent too much. */
  charge(messages: number, nowMs: number): void {
    if (!this.#incoming.take(messages, nowMs)) throw new ProtocolError('too-large', 'number of messages');
  }

  /** Data of a request that is over: no more than was cancelled. @throws ProtocolError */
  onLateData(bytes: number, nowMs: number): void {
    this.charge(1, nowMs);
    this.#cancelledBytes -= bytes;
    if (this.#cancelledBytes < 0) throw new ProtocolError('bad-value', 'data that nobody asked for');
  }

  /** Chunks that were asked for have moved, in either direction. */
  onMoved(bytes: number): void {
    this.#incoming.earn(bytes);
    this.#outgoing.earn(bytes);
  }

  onChunk(): void {
    this.#fruitlessRounds = 0;
  }

  /**
   * A request was refused. `nextRequest`: the number that the next one will have.
   *
   * @returns of how many of its chunks to believe that the peer does not have them. The first is what it could not give;
   * the others only came after it. But who goes on refusing is believed less and less.
   */
  onReject(request: number, nextRequest: number): number {
    if (request >= this.#nextRound) {
      this.#nextRound = nextRequest;
      this.#fruitlessRounds += 1;
    }
    return 2 ** Math.max(0, this.#fruitlessRounds - 1);
  }

  get isUseless(): boolean {
    return this.#fruitlessRounds >= MAX_FRUITLESS_ROUNDS;
  }

  onOwnRequest(bytes: number, nowMs: number): void {
    this.#outgoing.take(requestCost(bytes), nowMs);
  }

  /** `plainBytes`: of the chunks that had not come. A peer may hold them in another encoding, but never a longer one. */
  onOwnCancel(plainBytes: number, nowMs: number): void {
    this.#outgoing.take(1, nowMs);
    this.#cancelledBytes += plainBytes;
  }

  /** Another request might be one too many for the peer. */
  isBusy(nowMs: number): boolean {
    return this.#outgoing.isLow(nowMs);
  }
}
