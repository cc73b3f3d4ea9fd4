import type { DataChannel, PeerConnection } from 'node-datachannel';
import { type Clock, LINK_HIGH_WATER_BYTES, type LinkHandlers, type PeerLink } from '../core/ports.ts';

/** How long a close waits for what is queued: a dead path never drains. */
const DRAIN_LIMIT_MS = 2000;

/** An open channel of `node-datachannel`. */
export class DataChannelLink implements PeerLink {
  readonly #connection: PeerConnection;
  readonly #channel: DataChannel;
  readonly #clock: Clock;
  #handlers: LinkHandlers | undefined;
  #inbox: Uint8Array[] = [];
  #lowWaterBytes = LINK_HIGH_WATER_BYTES / 4;
  #state: 'open' | 'draining' | 'closed' = 'open';

  /** Takes messages from now on, before the channel is open: the first may come in the same turn. */
  constructor(connection: PeerConnection, channel: DataChannel, clock: Clock) {
    this.#connection = connection;
    this.#channel = channel;
    this.#clock = clock;
    channel.onMessage((message) => this.#receive(message));
  }

  /** The channel is open; the connection tells only this link from now on. */
  takeOver(): void {
    this.#channel.setBufferedAmountLowThreshold(this.#lowWaterBytes);
    // Told by another thread: meanwhile more may have been queued, and it will be told of again.
    this.#channel.onBufferedAmountLow(() => {
      if (this.#state === 'open' && this.bufferedBytes <= this.#lowWaterBytes) this.#handlers?.onWritable();
    });
    // Not told of our own close: the library says so at once, while it still sends.
    this.#channel.onClosed(() => {
      if (this.#state === 'open') this.#end();
    });
    this.#connection.onStateChange((state) => {
      if (state === 'closed' || state === 'failed' || state === 'disconnected') this.#end();
    });
  }

  get bufferedBytes(): number {
    return this.#state === 'closed' || !this.#channel.isOpen() ? 0 : this.#channel.bufferedAmount();
  }

  get lowWaterBytes(): number {
    return this.#lowWaterBytes;
  }

  set lowWaterBytes(bytes: number) {
    this.#lowWaterBytes = bytes;
    if (this.#channel.isOpen()) this.#channel.setBufferedAmountLowThreshold(bytes);
  }

  bind(handlers: LinkHandlers): void {
    if (this.#handlers !== undefined) throw new Error('a link is bound once');
    // Not inside this call: whoever binds has not finished its own construction yet.
    queueMicrotask(() => {
      this.#handlers = handlers;
      for (const frame of this.#inbox.splice(0)) this.#deliver(frame);
      if (this.#state === 'closed') handlers.onClose();
    });
  }

  send(frame: Uint8Array): void {
    if (this.#state !== 'open') return;
    try {
      this.#channel.sendMessageBinary(frame);
    } catch {
      // The channel is closing, or the frame is larger than the other end takes: it cannot be used any more.
      queueMicrotask(() => this.#end());
    }
  }

  /**
   * The channel's end is queued behind its data. The other end closes its connection when it has both, which ends ours;
   * to close ours here would drop up to 1 MiB that the library holds below `bufferedAmount`.
   */
  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.#channel.close();
    this.#clock.after(DRAIN_LIMIT_MS, () => this.#end());
  }

  #receive(message: string | Buffer | ArrayBuffer): void {
    if (typeof message === 'string') {
      // Not our protocol, which is binary.
      this.#end();
      return;
    }
    const frame =
      message instanceof ArrayBuffer
        ? new Uint8Array(message)
        : new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
    if (this.#handlers === undefined) this.#inbox.push(frame);
    else this.#deliver(frame);
  }

  #deliver(frame: Uint8Array): void {
    if (this.#state === 'open') this.#handlers?.onFrame(frame);
  }

  #end(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#connection.close();
    this.#handlers?.onClose();
  }
}
