/**
 * How many bytes may be requested from one peer and not yet received: its measured rate times its round trip, and some
 * time on top, so that the peer always has the next request before it finished the last. Pure: time comes in.
 */
export class FlowWindow {
  /** Peers that are connected, this one included: many are not all to be kept busy by us. */
  peers = 1;
  #rate = 0;
  #rttMs = INITIAL_RTT_MS;
  #intervalStartMs: number | undefined;
  #intervalBytes = 0;

  /** Bytes per millisecond; 0 until something was measured. */
  get bytesPerMs(): number {
    return this.#rate;
  }

  get rttMs(): number {
    return this.#rttMs;
  }

  /** The window in bytes. */
  get bytes(): number {
    const share = Math.min(1, FULL_QUEUE_PEERS / this.peers);
    const leastBytes = Math.max(MINIMUM_BYTES, INITIAL_BYTES * share * share);
    if (this.#rate === 0) return leastBytes;
    return Math.min(
      MAXIMUM_BYTES,
      Math.max(leastBytes / 2, MINIMUM_BYTES, this.#rate * (this.#rttMs + QUEUE_MS * share)),
    );
  }

  /** A round trip was measured. The smallest counts, slowly forgotten: queueing is not distance. */
  onRoundTrip(milliseconds: number): void {
    this.#rttMs = milliseconds < this.#rttMs ? milliseconds : this.#rttMs + (milliseconds - this.#rttMs) / 16;
  }

  /** Something was asked for. */
  onRequest(nowMs: number): void {
    this.#intervalStartMs ??= nowMs;
  }

  /** Bytes came while requests were open. */
  onBytes(bytes: number, nowMs: number): void {
    if (this.#intervalStartMs === undefined) return;
    this.#intervalBytes += bytes;
    const elapsedMs = nowMs - this.#intervalStartMs;
    if (elapsedMs < SAMPLE_MS) return;
    const sample = this.#intervalBytes / elapsedMs;
    this.#rate = this.#rate === 0 ? sample : this.#rate + (sample - this.#rate) / 4;
    this.#intervalStartMs = nowMs;
    this.#intervalBytes = 0;
  }

  /** No request is open any more: a pause is not a slow peer. */
  onIdle(): void {
    this.#intervalStartMs = undefined;
    this.#intervalBytes = 0;
  }
}

/** Beside more peers than these, each has less work queued: with many, each that runs out is asked by others anyway. */
const FULL_QUEUE_PEERS = 3;
/**
 * What a newcomer is trusted with. It is measured within it, and a fast one has five times as much a round trip later. A
 * megabyte tied up the chunks of a crowd at whoever had them first: its uploads were idle for a third of the time.
 */
const INITIAL_BYTES = 256 * 1024;
/**
 * A chunk of the usual size. What is queued at one peer no other can give: with two at each of a dozen peers, a fifth of a
 * crowd's uploads were idle, since all that they had was promised by others.
 */
const MINIMUM_BYTES = 64 * 1024;
/** Chromium's SCTP receive window is 5 MiB: more in flight only queues at the sender. */
const MAXIMUM_BYTES = 5 * 1024 * 1024;
const INITIAL_RTT_MS = 100;
/**
 * Work queued at the peer beyond one round trip. It has to cover its store reads and both event loops under load, which
 * no ping shows: with 100 ms a seed was idle for half of a transfer, because a window of that size confirms itself.
 */
const QUEUE_MS = 400;
/** Rates over less than this are noise. */
const SAMPLE_MS = 50;
