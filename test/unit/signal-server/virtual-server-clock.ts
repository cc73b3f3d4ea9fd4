import type { ServerClock } from '../../../src/signal-server/clock.ts';

interface Repetition {
  readonly every: number;
  next: number;
  readonly run: () => void;
}

/** Time that passes when a test says so. */
export class VirtualServerClock implements ServerClock {
  #now = 0;
  readonly #repetitions = new Set<Repetition>();

  now(): number {
    return this.#now;
  }

  every(milliseconds: number, run: () => void): () => void {
    const repetition = { every: milliseconds, next: this.#now + milliseconds, run };
    this.#repetitions.add(repetition);
    return () => this.#repetitions.delete(repetition);
  }

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = [...this.#repetitions].filter(({ next }) => next <= end).sort((a, b) => a.next - b.next)[0];
      if (due === undefined) break;
      this.#now = due.next;
      due.next += due.every;
      due.run();
    }
    this.#now = end;
  }

  get repetitions(): number {
    return this.#repetitions.size;
  }
}
