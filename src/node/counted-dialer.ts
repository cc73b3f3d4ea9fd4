import type { Clock, Dialer, DialHandlers, Dialing, DialRequest, PeerLink } from '../core/ports.ts';

const LOOK_MS = 20;

/** A dialer that knows how much of the native library is in use: when to recycle, and when it is safe to end. */
export class CountedDialer implements Dialer {
  readonly #dialer: Dialer;
  readonly #clock: Clock;
  #dialCount = 0;
  #openCount = 0;

  constructor(dialer: Dialer, clock: Clock) {
    this.#dialer = dialer;
    this.#clock = clock;
  }

  /** Connections constructed so far. */
  get dialCount(): number {
    return this.#dialCount;
  }

  dial(request: DialRequest, handlers: DialHandlers): Dialing {
    this.#dialCount += 1;
    return this.#dialer.dial(request, {
      onSignal: (signal) => handlers.onSignal(signal),
      onFailed: (reason) => handlers.onFailed(reason),
      onOpen: (link) => {
        this.#openCount += 1;
        handlers.onOpen(
          new CountedLink(link, () => {
            this.#openCount -= 1;
          }),
        );
      },
    });
  }

  /** Resolves when every link has sent what it had and is closed, at the latest after `limitMs`. */
  async allClosed(limitMs: number): Promise<void> {
    const endMs = this.#clock.now() + limitMs;
    while (this.#openCount > 0 && this.#clock.now() < endMs) {
      await new Promise<void>((resolve) => this.#clock.after(LOOK_MS, resolve));
    }
  }
}

class CountedLink implements PeerLink {
  readonly #link: PeerLink;
  readonly #onClose: () => void;

  constructor(link: PeerLink, onClose: () => void) {
    this.#link = link;
    this.#onClose = onClose;
  }

  get bufferedBytes(): number {
    return this.#link.bufferedBytes;
  }

  get lowWaterBytes(): number {
    return this.#link.lowWaterBytes;
  }

  set lowWaterBytes(bytes: number) {
    this.#link.lowWaterBytes = bytes;
  }

  bind(handlers: Parameters<PeerLink['bind']>[0]): void {
    this.#link.bind({
      onFrame: (frame) => handlers.onFrame(frame),
      onWritable: () => handlers.onWritable(),
      onClose: () => {
        this.#onClose();
        handlers.onClose();
      },
    });
  }

  send(frame: Uint8Array): void {
    this.#link.send(frame);
  }

  close(): void {
    this.#link.close();
  }
}
