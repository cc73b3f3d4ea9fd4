import type { Clock, Dialer, DialHandlers, Dialing, DialRequest } from '../../src/core/ports.ts';
import type { PeerSignal } from '../../src/protocol/signal-message.ts';
import { type LinkQuality, MemoryLink } from './memory-link.ts';

const DIAL_TIMEOUT_MS = 15_000;

interface Offer {
  readonly quality: LinkQuality;
  /** The initiator's end, once the other side has answered. */
  link?: MemoryLink;
}

/** All connections of a simulation: dialers of one network reach each other, once their signals have passed. */
export class MemoryNetwork {
  /** Every end that was ever opened, in order. */
  readonly links: MemoryLink[] = [];
  /** Asked when an answer is made; `false` lets the dial time out on both sides. */
  canConnect: () => boolean = () => true;
  readonly clock: Clock;
  readonly #offers = new Map<string, Offer>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** A peer's dialer; `quality` is how this peer's ends of its links send. */
  dialer(quality: LinkQuality): Dialer {
    return { dial: (request, handlers) => new MemoryDialing(this, quality, request, handlers) };
  }

  offer(quality: LinkQuality): string {
    const sdp = `memory ${this.#offers.size}`;
    this.#offers.set(sdp, { quality });
    return sdp;
  }

  /** The answerer's end, or `undefined` when these two cannot connect. */
  answer(sdp: string, quality: LinkQuality): MemoryLink | undefined {
    const offer = this.#offers.get(sdp);
    if (offer === undefined || offer.link !== undefined || !this.canConnect()) return undefined;
    const [near, far] = MemoryLink.pair(this.clock, offer.quality, quality);
    this.links.push(near, far);
    offer.link = near;
    return far;
  }

  take(sdp: string): MemoryLink | undefined {
    return this.#offers.get(sdp)?.link;
  }
}

class MemoryDialing implements Dialing {
  readonly #network: MemoryNetwork;
  readonly #quality: LinkQuality;
  readonly #handlers: DialHandlers;
  readonly #cancelTimeout: () => void;
  #isDone = false;

  constructor(network: MemoryNetwork, quality: LinkQuality, request: DialRequest, handlers: DialHandlers) {
    this.#network = network;
    this.#quality = quality;
    this.#handlers = handlers;
    this.#cancelTimeout = network.clock.after(DIAL_TIMEOUT_MS, () => {
      this.#isDone = true;
      handlers.onFailed('timed out');
    });
    if (request.initiator) {
      network.clock.after(0, () => {
        if (!this.#isDone) handlers.onSignal({ type: 'offer', sdp: network.offer(quality) });
      });
    }
  }

  handleSignal(signal: PeerSignal): void {
    if (this.#isDone || signal.type === 'candidate') return;
    if (signal.type === 'answer') {
      const link = this.#network.take(signal.sdp);
      if (link !== undefined) this.#open(link);
      return;
    }
    const link = this.#network.answer(signal.sdp, this.#quality);
    if (link === undefined) return;
    this.#handlers.onSignal({ type: 'answer', sdp: signal.sdp });
    this.#open(link);
  }

  close(): void {
    this.#isDone = true;
    this.#cancelTimeout();
  }

  #open(link: MemoryLink): void {
    this.close();
    this.#handlers.onOpen(link);
  }
}
