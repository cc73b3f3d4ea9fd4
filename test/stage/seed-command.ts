import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const CLI = join(import.meta.dirname, '../../dist/cli/main.js');

/** A line that `tabseed seed --json` prints. */
export interface SeedLine {
  readonly event?: string;
  readonly processId?: number;
  readonly how?: string;
  readonly chunkCount?: number;
  readonly storedBytes?: number;
  readonly error?: { readonly code: string };
}

/** `tabseed seed --json` as an operator runs it, built. */
export class SeedCommand {
  readonly lines: SeedLine[] = [];
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  #onLine: () => void = () => undefined;
  /** Lines that were waited for. */
  #seen = 0;

  constructor(url: string, store: string, ...options: string[]) {
    this.#child = spawn(process.execPath, [CLI, 'seed', url, '--store', store, '--json', ...options], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.ended = once(this.#child, 'exit').then(([code, signal]) => String(signal ?? code));
    if (this.#child.stdout === null) throw new Error('no output');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as SeedLine);
      this.#onLine();
    });
  }

  /** The next line with this event after the last one that was waited for. */
  async next(event: string): Promise<SeedLine> {
    for (;;) {
      while (this.#seen < this.lines.length) {
        const line = this.lines[this.#seen];
        this.#seen += 1;
        if (line?.event === event) return line;
      }
      await new Promise<void>((resolve) => {
        this.#onLine = resolve;
      });
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}
