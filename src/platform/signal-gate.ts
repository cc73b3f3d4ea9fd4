import type { PeerSignal } from '../protocol/signal-message.ts';

/** Candidates taken from one partner: a machine with many interfaces and several servers has some 30. */
const MAX_CANDIDATES = 64;

/** What a partner may say while a connection is built: one description, and candidates. */
export class SignalGate {
  readonly #expected: 'offer' | 'answer';
  #hasDescription = false;
  #candidateCount = 0;

  constructor(initiator: boolean) {
    this.#expected = initiator ? 'answer' : 'offer';
  }

  /** A second offer would be a renegotiation. */
  accepts(signal: PeerSignal): boolean {
    if (signal.type === 'candidate') {
      this.#candidateCount += 1;
      return this.#candidateCount <= MAX_CANDIDATES;
    }
    if (signal.type !== this.#expected || this.#hasDescription) return false;
    this.#hasDescription = true;
    return true;
  }
}
