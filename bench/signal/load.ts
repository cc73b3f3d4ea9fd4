import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { DialectName } from './dialect.ts';

/** Fewer than the files that a process may open here. */
const CLIENTS_PER_PROCESS = 7_500;

export interface LoadTarget {
  readonly url: string;
  readonly dialect: DialectName;
  /** Of all processes together. */
  readonly peers: number;
  /** The clients of one process: so many, from this one on. */
  readonly first: number;
  readonly count: number;
}

export type LoadCommand = { readonly type: 'join' } | { readonly type: 'relay'; readonly seconds: number };

export interface LoadReport {
  readonly latenciesMs: readonly number[];
}

/** Clients in processes of their own. */
export class Load {
  readonly #processes: readonly ChildProcess[];

  constructor(url: string, dialect: DialectName, peers: number) {
    // At least two: the sender and the receiver of a message are then not on the same thread.
    const processes = Math.max(2, Math.ceil(peers / CLIENTS_PER_PROCESS));
    const share = Math.ceil(peers / processes);
    this.#processes = Array.from({ length: processes }, (_, index) => {
      const first = index * share;
      const target: LoadTarget = { url, dialect, peers, first, count: Math.min(share, peers - first) };
      return fork(join(import.meta.dirname, 'load-process.ts'), [JSON.stringify(target)]);
    });
  }

  /** Seconds until all have joined. */
  async join(): Promise<number> {
    const startMs = performance.now();
    await this.#tell({ type: 'join' });
    return (performance.now() - startMs) / 1000;
  }

  /** Keeps messages under way for so long; how long each took. */
  async relay(seconds: number): Promise<number[]> {
    const reports = await this.#tell({ type: 'relay', seconds });
    return reports.flatMap(({ latenciesMs }) => latenciesMs);
  }

  close(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
  }

  #tell(command: LoadCommand): Promise<LoadReport[]> {
    return Promise.all(
      this.#processes.map(async (child) => {
        const ended = once(child, 'exit').then(() => {
          throw new Error('a load process ended');
        });
        child.send(command);
        const [report] = (await Promise.race([once(child, 'message'), ended])) as [LoadReport];
        ended.catch(() => undefined);
        return report;
      }),
    );
  }
}
