import { monacoVersion } from './app-folder.ts';
import { type DemoFolders, publishDemo } from './release.ts';

const NEXT = 'monaco-editor';

/** The demo's second release, published once, when the visitor asks for it. */
export class DemoUpdate {
  readonly #folders: DemoFolders;
  readonly #abort: AbortSignal;
  readonly #onLine: (line: string) => void;
  #running: Promise<void> | undefined;

  /** @param onLine told what happens. */
  constructor(folders: DemoFolders, abort: AbortSignal, onLine: (line: string) => void) {
    this.#folders = folders;
    this.#abort = abort;
    this.#onLine = onLine;
  }

  /** Publishes, unless that was done or is being done. */
  start(): void {
    if (this.#running) this.#onLine(`release ${monacoVersion(NEXT)} was published already, or is just being published`);
    else this.#running = this.#publish();
  }

  /** Resolves when nothing is being written any more. */
  async ended(): Promise<void> {
    await this.#running;
  }

  async #publish(): Promise<void> {
    const version = monacoVersion(NEXT);
    this.#onLine(`publishing release ${version} …`);
    try {
      await publishDemo(this.#folders, NEXT, this.#abort);
      this.#onLine(`release ${version} is out: press "Check for an update" in a window, then "Update to ${version}"`);
    } catch (error) {
      this.#running = undefined;
      if (!this.#abort.aborted) this.#onLine(error instanceof Error ? error.message : String(error));
    }
  }
}
