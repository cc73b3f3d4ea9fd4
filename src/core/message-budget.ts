/**
 * How many messages one side of a session may send. Work that was asked for pays for itself: every PAID_BYTES of chunks
 * that move between the two, in either direction, earn a message. What is left costs: the budget refills slowly.
 *
 * Both sides count alike. The one who receives ends the session when it is used up; the one who asks holds back before.
 * Pure: time comes in.
 */
export class MessageBudget {
  #messages = CAPACITY;
  #filledMs: number;

  constructor(nowMs: number) {
    this.#filledMs = nowMs;
  }

  /** Takes `messages` out. @returns false when there was not enough */
  take(messages: number, nowMs: number): boolean {
    this.#refill(nowMs);
    this.#messages -= messages;
    return this.#messages >= 0;
  }

  /** Bytes of chunks that were asked for have moved. */
  earn(bytes: number): void {
    this.#messages = Math.min(CAPACITY, this.#messages + bytes / PAID_BYTES);
  }

  /** So little is left that nothing should be sent that can wait. */
  isLow(nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#messages < RESERVE;
  }

  #refill(nowMs: number): void {
    this.#messages = Math.min(CAPACITY, this.#messages + (nowMs - this.#filledMs) * PER_MS);
    this.#filledMs = nowMs;
  }
}

/** What a request costs: one message, and one for each 64 KiB that the other side may read from its store for it. */
export function requestCost(bytes: number): number {
  return 1 + bytes / (64 * 1024);
}

/** A full window of requests (80), a few hundred `have` and `cancel`, several times over. */
const CAPACITY = 2000;
/** In the long run. What a message costs a page is its event, 20–50 µs: 200 a second are a hundredth of a core. */
const PER_MS = 200 / 1000;
/** A quarter of what a request costs, so that whoever reads what it asked for never runs out. */
const PAID_BYTES = 16 * 1024;
/** Messages under way, which the two sides count at different times. */
const RESERVE = 500;
