/** Runs at most `width` tasks at a time, the others in the order in which they came. */
export class Lanes {
  readonly #width: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(width: number) {
    this.#width = width;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#width) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      // The lane goes to the next task at once, so that no newcomer takes it first.
      if (next) next();
      else this.#running -= 1;
    }
  }
}
