import { type ChildProcess, fork } from 'node:child_process';
import type { RtcLibrary } from '../../src/node/rtc-library.ts';
import type { CaseResult } from './native-links.ts';

const SCRIPT = new URL('./native-links.ts', import.meta.url);

/**
 * Runs cases of the link contract on native libraries in a process of their own. Their threads can take a process with
 * them on a busy machine, which the Node peer survives since its engine is such a process too: here a case whose process
 * died of a signal is begun once more in a new one. A case that fails, fails.
 */
export class NativeProcess {
  readonly #libraries: readonly [RtcLibrary, RtcLibrary];
  #child: ChildProcess | undefined;

  constructor(caller: RtcLibrary, called: RtcLibrary) {
    this.#libraries = [caller, called];
  }

  async run(name: string): Promise<void> {
    const result = (await this.#attempt(name)) ?? (await this.#attempt(name));
    if (result === undefined) throw new Error('the process died twice');
    if (result.error !== undefined) throw new Error(result.error);
  }

  close(): void {
    this.#child?.kill('SIGKILL');
  }

  /** @returns nothing when the process died of a signal. */
  #attempt(name: string): Promise<CaseResult | undefined> {
    this.#child ??= fork(SCRIPT, this.#libraries, { execArgv: ['--import', 'tsx'] });
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const settle = () => {
        child.off('message', onMessage).off('exit', onExit);
      };
      const onMessage = (message: unknown) => {
        settle();
        resolve(message as CaseResult);
      };
      const onExit = (code: number | null) => {
        settle();
        this.#child = undefined;
        if (code === null) resolve(undefined);
        else reject(new Error(`the process ended with ${code}`));
      };
      child.on('message', onMessage).on('exit', onExit);
      child.send(name);
    });
  }
}
