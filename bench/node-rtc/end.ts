import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { RtcLibrary } from '../../src/node/rtc-library.ts';
import type { EndCommand, EndReport } from './end-process.ts';

const PROGRAM = fileURLToPath(new URL('end-process.ts', import.meta.url));

type ReportOf<Type extends EndReport['type']> = EndReport & { readonly type: Type };

/** One end of connections, in a process of its own. */
export class End {
  /** How the process ended by itself, if it did: a signal's name or an exit code. */
  death: string | undefined;
  onSignal: (report: ReportOf<'signal'>) => void = () => undefined;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<{ take(report: EndReport): boolean; fail(error: Error): void }>();

  private constructor(library: RtcLibrary) {
    this.#child = fork(PROGRAM, [library], {
      execArgv: ['--import', 'tsx', '--expose-gc'],
      // simple-peer says on stderr which candidates it does not know.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child.on('message', (report: EndReport) => {
      if (report.type === 'signal') this.onSignal(report);
      for (const waiting of [...this.#waiting]) if (waiting.take(report)) this.#waiting.delete(waiting);
    });
    this.#child.once('exit', (code, signal) => {
      this.death = signal ?? String(code);
      for (const waiting of this.#waiting) waiting.fail(new Error(`the end died: ${this.death}`));
    });
  }

  static async start(library: RtcLibrary): Promise<End> {
    const end = new End(library);
    await end.next('ready', () => true, 20_000);
    return end;
  }

  tell(command: EndCommand): void {
    if (this.death === undefined) this.#child.send(command);
  }

  /** The next report of this type that fits. */
  next<Type extends EndReport['type']>(
    type: Type,
    fits: (report: ReportOf<Type>) => boolean,
    limitMs: number,
  ): Promise<ReportOf<Type>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(new Error(`no "${type}" in ${limitMs} ms`));
      }, limitMs);
      const waiting = {
        take: (report: EndReport): boolean => {
          if (report.type === 'failed') waiting.fail(new Error(`dial failed: ${report.reason}`));
          if (report.type !== type || !fits(report as ReportOf<Type>)) return false;
          clearTimeout(timer);
          resolve(report as ReportOf<Type>);
          return true;
        },
        fail: (error: Error): void => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiting.add(waiting);
    });
  }

  async rssBytes(): Promise<number> {
    const measured = this.next('measured', () => true, 10_000);
    this.tell({ type: 'measure' });
    return (await measured).rssBytes;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Opens the link with this number between two ends; `left` calls. */
export async function connect(left: End, right: End, link: number, limitMs: number): Promise<void> {
  left.onSignal = (report) => right.tell(report);
  right.onSignal = (report) => left.tell(report);
  const open = Promise.all([left, right].map((end) => end.next('open', (report) => report.link === link, limitMs)));
  right.tell({ type: 'dial', link, initiator: false });
  left.tell({ type: 'dial', link, initiator: true });
  await open;
}
