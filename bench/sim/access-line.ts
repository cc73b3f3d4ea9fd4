import type { Clock } from '../../src/core/ports.ts';

/** Something that waits to be sent over an access line. */
interface Flow {
  /** Bytes of the next frame, `undefined` when there is none. */
  nextBytes(): number | undefined;
  /** That frame has left. `atMs` may lie within the current millisecond. */
  onSent(atMs: number): void;
}

/** A line that sends one frame at a time and takes turns among those that have something to send: equal shares. */
export class SendingLine {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  readonly #waiting: Flow[] = [];
  #head = 0;
  #freeAtMs = 0;
  #isSending = false;
  #sentBytes = 0;

  constructor(clock: Clock, bytesPerMs: number) {
    this.#clock = clock;
    this.#bytesPerMs = bytesPerMs;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** `flow` has something to send, and had nothing before. */
  add(flow: Flow): void {
    this.#waiting.push(flow);
    this.#sendUnlessSending(Math.max(this.#freeAtMs, this.#clock.now()));
  }

  #sendUnlessSending(fromMs: number): void {
    if (!this.#isSending) this.#sendNext(fromMs);
  }

  #sendNext(fromMs: number): void {
    for (let flow = this.#shift(); flow !== undefined; flow = this.#shift()) {
      const bytes = flow.nextBytes();
      if (bytes === undefined) continue;
      const current = flow;
      this.#isSending = true;
      this.#freeAtMs = fromMs + bytes / this.#bytesPerMs;
      this.#clock.after(this.#freeAtMs - this.#clock.now(), () => {
        this.#isSending = false;
        this.#sentBytes += bytes;
        current.onSent(this.#freeAtMs);
        if (current.nextBytes() !== undefined) this.#waiting.push(current);
        this.#sendUnlessSending(this.#freeAtMs);
      });
      return;
    }
  }

  #shift(): Flow | undefined {
    const flow = this.#waiting[this.#head];
    this.#head += 1;
    if (this.#head > 64 && this.#head * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    if (flow === undefined) {
      this.#waiting.length = 0;
      this.#head = 0;
    }
    return flow;
  }
}

/** A line that delivers what comes in, in that order. */
export class ReceivingLine {
  readonly #bytesPerMs: number;
  #freeAtMs = 0;

  constructor(bytesPerMs: number) {
    this.#bytesPerMs = bytesPerMs;
  }

  /** When `bytes` that reach it at `atMs` are through. */
  pass(bytes: number, atMs: number): number {
    this.#freeAtMs = Math.max(this.#freeAtMs, atMs) + bytes / this.#bytesPerMs;
    return this.#freeAtMs;
  }
}
