import { type Clock, LINK_HIGH_WATER_BYTES, type LinkHandlers, type PeerLink } from '../../src/core/ports.ts';

export interface LinkQuality {
  /** From one end to the other. */
  readonly latencyMs: number;
  /** What an end sends; `Infinity` is allowed. */
  readonly bytesPerSecond: number;
}

type State = 'open' | 'draining' | 'closed';

/** One end of a channel with a rate and a latency. Queue and `onWritable` behave as a data channel's do. */
export class MemoryLink implements PeerLink {
  /** Changes each frame on its way out, or loses it by returning `undefined`. */
  tamper: ((frame: Uint8Array) => Uint8Array | undefined) | undefined;
  /** While true, this end's frames vanish and no one is told: a path that died. */
  muted = false;
  lowWaterBytes = LINK_HIGH_WATER_BYTES / 4;
  /** Not measured, unless a test says what. */
  roundTripMs: () => Promise<number | undefined> = () => Promise.resolve(undefined);

  readonly #clock: Clock;
  readonly #quality: LinkQuality;
  #other: MemoryLink | undefined;
  #handlers: LinkHandlers | undefined;
  #state: State = 'open';
  #inbox: Uint8Array[] = [];
  readonly #outbox: Uint8Array[] = [];
  #bufferedBytes = 0;
  #sending = false;

  private constructor(clock: Clock, quality: LinkQuality) {
    this.#clock = clock;
    this.#quality = quality;
  }

  static pair(clock: Clock, left: LinkQuality, right: LinkQuality = left): [MemoryLink, MemoryLink] {
    const ends: [MemoryLink, MemoryLink] = [new MemoryLink(clock, left), new MemoryLink(clock, right)];
    ends[0].#other = ends[1];
    ends[1].#other = ends[0];
    return ends;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  bind(handlers: LinkHandlers): void {
    if (this.#handlers !== undefined) throw new Error('a link is bound once');
    // Not inside this call: whoever binds has not finished its own construction yet.
    queueMicrotask(() => {
      this.#handlers = handlers;
      const frames = this.#inbox;
      this.#inbox = [];
      for (const frame of frames) this.#receive(frame);
      if (this.#state === 'closed') handlers.onClose();
    });
  }

  send(frame: Uint8Array): void {
    if (this.#state !== 'open') return;
    this.#outbox.push(frame.slice());
    this.#bufferedBytes += frame.length;
    this.#sendNext();
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    if (this.#outbox.length === 0) this.#finish();
  }

  /** The connection breaks: what is queued is lost and both ends hear of it. */
  kill(): void {
    this.#outbox.length = 0;
    this.#end();
    this.#tellOther((other) => other.#end());
  }

  #sendNext(): void {
    const frame = this.#outbox[0];
    if (frame === undefined || this.#sending) return;
    this.#sending = true;
    this.#clock.after((frame.length / this.#quality.bytesPerSecond) * 1000, () => {
      this.#sending = false;
      if (this.#state === 'closed') return;
      this.#outbox.shift();
      this.#handOver(frame);
      const before = this.#bufferedBytes;
      this.#bufferedBytes -= frame.length;
      this.#sendNext();
      if (this.#state === 'draining' && this.#outbox.length === 0) this.#finish();
      else if (before > this.lowWaterBytes && this.#bufferedBytes <= this.lowWaterBytes) {
        if (this.#state === 'open') this.#handlers?.onWritable();
      }
    });
  }

  #handOver(frame: Uint8Array): void {
    const sent = this.tamper === undefined ? frame : this.tamper(frame);
    if (sent === undefined || this.muted) return;
    this.#clock.after(this.#quality.latencyMs, () => this.#tellOther((other) => other.#receive(sent)));
  }

  #receive(frame: Uint8Array): void {
    if (this.#handlers === undefined) this.#inbox.push(frame);
    else if (this.#state === 'open') this.#handlers.onFrame(frame);
  }

  #finish(): void {
    if (!this.muted) this.#clock.after(this.#quality.latencyMs, () => this.#tellOther((other) => other.#end()));
    // Later, as a real channel does it: `close()` never calls back into its caller.
    this.#clock.after(0, () => this.#end());
  }

  #tellOther(tell: (other: MemoryLink) => void): void {
    if (this.#other !== undefined) tell(this.#other);
  }

  #end(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#bufferedBytes = 0;
    this.#handlers?.onClose();
  }
}
