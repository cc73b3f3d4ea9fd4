import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const CLI = join(import.meta.dirname, '../../dist/cli/main.js');
/** Native WebRTC code is known to hang at exit. */
const END_MS = 5000;

/** A `tabseed` command in a process of its own, as it was built, so that its memory and CPU are its own. */
export class CommandProcess {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
    this.#ended = once(child, 'exit');
  }

  /** Resolves with the first line of its JSON output for which `isReady` is true. What it says on stderr goes to ours. */
  static async start<Line>(
    args: readonly string[],
    isReady: (line: Partial<Line>) => boolean,
  ): Promise<{ command: CommandProcess; line: Line }> {
    const child = spawn(process.execPath, [CLI, ...args, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const command = new CommandProcess(child, args[0] ?? '');
    const line = await new Promise<Line>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (text) => {
        const parsed = JSON.parse(text) as Partial<Line>;
        if (isReady(parsed)) resolve(parsed as Line);
      });
      child.once('exit', (code) => reject(new Error(`tabseed ${args.join(' ')} ended with ${String(code)}`)));
    });
    return { command, line };
  }

  /** @throws Error when it has ended by itself */
  get pid(): number {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) {
      throw new Error(`tabseed ${this.#name} ended (${String(exitCode ?? signalCode)})`);
    }
    return pid;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), END_MS);
    await this.#ended;
    clearTimeout(kill);
  }
}
