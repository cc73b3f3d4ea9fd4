import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const FOLDER = import.meta.dirname;
const MODULES = join(FOLDER, 'node_modules');

/** Installs what is compared with, in its own folder, unless it is there. No script of a package runs. */
export function installRivals(): void {
  if (existsSync(join(MODULES, '.package-lock.json'))) return;
  process.stderr.write('Installing WebTorrent and its tracker into bench/rivals …\n');
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit'], {
    cwd: FOLDER,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** WebTorrent for browsers, one ES module, as its npm package has it. */
export function webtorrentBundle(): Promise<Buffer> {
  return readFile(join(MODULES, 'webtorrent/dist/webtorrent.min.js'));
}

/** The WebSocket tracker of bittorrent-tracker, in a process of its own. */
export class Tracker {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  static async start(): Promise<Tracker> {
    const child = spawn(process.execPath, [join(FOLDER, 'tracker.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const port = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve);
      child.once('exit', () => reject(new Error('bittorrent-tracker did not start')));
    });
    return new Tracker(`ws://127.0.0.1:${port}`, child);
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('bittorrent-tracker did not start');
    return pid;
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}
