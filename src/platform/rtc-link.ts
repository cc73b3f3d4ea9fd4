import { type Clock, LINK_HIGH_WATER_BYTES, type LinkHandlers, type PeerLink } from '../core/ports.ts';
import { connectionOf, dataChannelOf, endPeer, type SimplePeerInstance } from './simple-peer.ts';
import { StunChecks } from './stun-checks.ts';

/** How often `bufferedAmount` is looked at where no event tells: at 30 MB/s, 120 KB leave in between. */
const BUFFER_POLL_MS = 4;
/** Of what is counted once in 2.5 s there is no news before that. */
const CHECK_MS = 2000;
/** How long a close waits for what is queued: close loses queued data, but a dead path never drains. */
const DRAIN_LIMIT_MS = 2000;
/**
 * How long the queue of a channel without event must have been empty before a close: `@roamhq/wrtc` holds up to 2.6 MB
 * more that `bufferedAmount` does not count, and drops them. 1 MiB took 40 ms on a busy machine, and more than 250 on one
 * that was slow itself.
 */
const QUIET_MS = 750;

/** An open data channel of simple-peer, with flow control of our own: simple-peer's falls back to a 150 ms poll. */
export class RtcLink implements PeerLink {
  readonly #peer: SimplePeerInstance;
  readonly #connection: RTCPeerConnection | undefined;
  readonly #channel: RTCDataChannel | undefined;
  readonly #clock: Clock;
  /** Browsers have it; `@roamhq/wrtc` does not, and who waits for its event there waits for ever. */
  readonly #hasLowEvent: boolean;
  #handlers: LinkHandlers | undefined;
  #inbox: Uint8Array[] = [];
  #state: 'open' | 'draining' | 'closed' = 'open';
  #isPolling = false;
  readonly #checks = new StunChecks();
  #nextCheckMs = 0;
  /** In the connection's statistics. */
  #transport: string | undefined;
  #lowWaterBytes = LINK_HIGH_WATER_BYTES / 4;
  readonly #onEnd: (link: RtcLink) => void;

  /** @param onEnd called once, when the connection is closed. */
  constructor(peer: SimplePeerInstance, clock: Clock, onEnd: (link: RtcLink) => void = () => undefined) {
    this.#peer = peer;
    this.#onEnd = onEnd;
    this.#clock = clock;
    this.#connection = connectionOf(peer);
    this.#channel = dataChannelOf(peer);
    this.#hasLowEvent = this.#channel !== undefined && 'bufferedAmountLowThreshold' in this.#channel;
    if (this.#channel !== undefined && this.#hasLowEvent) {
      this.#channel.bufferedAmountLowThreshold = this.#lowWaterBytes;
      this.#channel.addEventListener('bufferedamountlow', this.#tellWritable);
    }
    peer.on('data', (data) => this.#receive(data));
    peer.on('close', () => this.#end());
    // `close` follows every error.
    peer.on('error', () => undefined);
  }

  get bufferedBytes(): number {
    return this.#state === 'closed' ? 0 : this.#peer.bufferSize;
  }

  get lowWaterBytes(): number {
    return this.#lowWaterBytes;
  }

  set lowWaterBytes(bytes: number) {
    this.#lowWaterBytes = bytes;
    if (this.#channel !== undefined && this.#hasLowEvent) this.#channel.bufferedAmountLowThreshold = bytes;
    else this.#pollBuffer();
  }

  bind(handlers: LinkHandlers): void {
    if (this.#handlers !== undefined) throw new Error('a link is bound once');
    // Not inside this call: whoever binds has not finished its own construction yet.
    queueMicrotask(() => {
      this.#handlers = handlers;
      const frames = this.#inbox;
      this.#inbox = [];
      for (const frame of frames) this.#deliver(frame);
      if (this.#state === 'closed') handlers.onClose();
    });
  }

  send(frame: Uint8Array): void {
    if (this.#state !== 'open') return;
    try {
      this.#peer.send(frame);
    } catch {
      // The channel is closing, or its queue has passed the browser's hard limit: it cannot be used any more.
      this.#peer.destroy();
      return;
    }
    if (!this.#hasLowEvent) this.#pollBuffer();
  }

  /** Of STUN's connectivity checks, which Chromium sends every 2.5 s, by the path of the data. */
  async roundTripMs(): Promise<number | undefined> {
    if (this.#clock.now() < this.#nextCheckMs) return undefined;
    // Of a connection that is closed Node's `wrtc` refuses to say anything.
    const report = await this.#connection?.getStats().catch(() => undefined);
    const pair = report && this.#selectedPair(report);
    if (pair === undefined) return undefined;
    const roundTripMs = this.#checks.roundTripMs(pair);
    if (roundTripMs !== undefined) this.#nextCheckMs = this.#clock.now() + CHECK_MS;
    return roundTripMs;
  }

  /** Going through all of a report is most of what it costs. */
  #selectedPair(report: RTCStatsReport): RTCIceCandidatePairStats | undefined {
    if (this.#transport === undefined) {
      report.forEach(({ type, id }: RTCStats) => {
        if (type === 'transport') this.#transport = id;
      });
    }
    const transport = report.get(this.#transport ?? '') as RTCTransportStats | undefined;
    return report.get(transport?.selectedCandidatePairId ?? '') as RTCIceCandidatePairStats | undefined;
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    const nowMs = this.#clock.now();
    this.#drain(nowMs + DRAIN_LIMIT_MS, nowMs);
  }

  /** Closes at once; what is queued is lost. */
  cut(): void {
    this.#end();
  }

  /**
   * Closing the channel first and the connection on its `close` event lets SCTP deliver what it holds itself;
   * simple-peer alone closes both at once.
   */
  #drain(deadlineMs: number, emptySinceMs: number): void {
    if (this.#state !== 'draining') return;
    const nowMs = this.#clock.now();
    const quietMs = this.#hasLowEvent ? 0 : QUIET_MS;
    if (nowMs >= deadlineMs || this.#channel === undefined) {
      this.#peer.destroy();
    } else if (this.#peer.bufferSize > 0) {
      this.#clock.after(BUFFER_POLL_MS, () => this.#drain(deadlineMs, this.#clock.now()));
    } else if (nowMs - emptySinceMs < quietMs) {
      this.#clock.after(BUFFER_POLL_MS, () => this.#drain(deadlineMs, emptySinceMs));
    } else {
      this.#channel.close();
      this.#clock.after(deadlineMs - nowMs, () => this.#drain(deadlineMs, emptySinceMs));
    }
  }

  #pollBuffer(): void {
    if (this.#isPolling || this.#peer.bufferSize <= this.#lowWaterBytes) return;
    this.#isPolling = true;
    const look = (): void => {
      if (this.#state !== 'open') return;
      if (this.#peer.bufferSize > this.#lowWaterBytes) {
        this.#clock.after(BUFFER_POLL_MS, look);
        return;
      }
      this.#isPolling = false;
      this.#tellWritable();
    };
    this.#clock.after(BUFFER_POLL_MS, look);
  }

  readonly #tellWritable = (): void => {
    if (this.#state === 'open') this.#handlers?.onWritable();
  };

  #receive(data: Uint8Array | string): void {
    if (typeof data === 'string') {
      // Not our protocol, which is binary.
      this.#peer.destroy();
      return;
    }
    // A plain view on the same bytes: simple-peer's own Buffer class overrides `slice` not to copy.
    const frame = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (this.#handlers === undefined) this.#inbox.push(frame);
    else this.#deliver(frame);
  }

  #deliver(frame: Uint8Array): void {
    if (this.#state === 'open') this.#handlers?.onFrame(frame);
  }

  #end(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#channel?.removeEventListener('bufferedamountlow', this.#tellWritable);
    endPeer(this.#peer, this.#connection);
    this.#onEnd(this);
    this.#handlers?.onClose();
  }
}
