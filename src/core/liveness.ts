/** A peer says hello as soon as the channel is open. */
export const HELLO_LIMIT_MS = 5000;
/** Who has given nothing for so long is asked whether it is there. */
const PROBE_AFTER_MS = 1000;
/** Its answer may wait behind what it sends to others, over a slow line. */
const ANSWER_LIMIT_MS = 2000;

/** Whether a peer is there: it says hello in time, and answers the pings of who waits for it. Pure: time comes in. */
export class Liveness {
  #openedMs: number;
  /** What is left of the delay of our own that is not held against it before its hello. */
  #helloCreditMs = HELLO_LIMIT_MS;
  #pingSentMs = 0;
  #isPingOpen = false;

  /** @param openedMs when the channel was open */
  constructor(openedMs: number) {
    this.#openedMs = openedMs;
  }

  /** It is asked whether it is there. */
  onPing(nowMs: number): void {
    this.#pingSentMs = nowMs;
    this.#isPingOpen = true;
  }

  /** @returns how long its answer took */
  onPong(nowMs: number): number {
    this.#isPingOpen = false;
    return nowMs - this.#pingSentMs;
  }

  /** Our own timers were late by so much: what the peer sent meanwhile may wait to be read. */
  onOwnDelay(lateMs: number): void {
    const forgivenMs = Math.min(lateMs, this.#helloCreditMs);
    this.#openedMs += forgivenMs;
    this.#helloCreditMs -= forgivenMs;
  }

  /** Its hello should have come. */
  isHelloLate(nowMs: number): boolean {
    return nowMs - this.#openedMs >= HELLO_LIMIT_MS;
  }

  /** It was asked whether it is there, and should have answered. */
  isAnswerLate(nowMs: number): boolean {
    return this.#isPingOpen && nowMs - this.#pingSentMs >= ANSWER_LIMIT_MS;
  }

  /** Who has been silent for `silentMs` is to be asked. */
  isPingDue(silentMs: number, nowMs: number): boolean {
    return !this.#isPingOpen && silentMs >= PROBE_AFTER_MS && nowMs - this.#pingSentMs >= PROBE_AFTER_MS;
  }
}
