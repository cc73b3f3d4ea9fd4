import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../cli/main.js', import.meta.url));

/** A seed that does not end by itself in this time is killed: native WebRTC code is known to hang at exit. */
const END_MS = 5000;

/** `tabseed seed` in a process of its own, as on a real server. */
export class SeedProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #isClosing = false;

  /** @param onLine told what it prints; a last line says how it ended, unless it was closed. */
  constructor(url: string, store: string, onLine: (line: string) => void) {
    const child = spawn(process.execPath, [CLI, 'seed', url, '--store', store], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
    this.#ended = once(child, 'exit').then(
      ([code, signal]) => {
        if (!this.#isClosing) onLine(`ended (${String(code ?? signal)}): browsers now have each other and the origin`);
      },
      (error: unknown) => onLine(`did not start: ${error instanceof Error ? error.message : String(error)}`),
    );
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#child.kill('SIGTERM');
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), END_MS);
    await this.#ended;
    clearTimeout(kill);
  }
}
