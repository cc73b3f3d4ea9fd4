import type { WriteStream } from 'node:tty';

/** One line that says how far a step is: rewritten in place on a terminal, written once elsewhere. */
export class ProgressLine {
  readonly #output: Pick<WriteStream, 'write'> & { readonly isTTY?: boolean | undefined };
  readonly #label: string;
  #percent = -1;

  constructor(label: string, output: NodeJS.WriteStream = process.stdout) {
    this.#output = output;
    this.#label = label;
  }

  update(done: number, total: number): void {
    const percent = total === 0 ? 0 : Math.floor((100 * done) / total);
    if (percent === this.#percent) return;
    this.#percent = percent;
    if (this.#output.isTTY) this.#output.write(`\r${this.#label} ${percent} %`);
  }

  end(result: string): void {
    // The end may be shorter than what it replaces: erase to the end of the line first.
    this.#output.write(`${this.#output.isTTY ? '\r\u001b[K' : ''}${this.#label} ${result}\n`);
  }
}
