import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { generateKey, type PublishReport } from '../../src/publisher/index.ts';

const COMMAND = join(import.meta.dirname, '../../dist/cli/main.js');

/** Builds and publishes an app as a CI job does: every run has empty folders, and the key in its environment. */
export class CiJob {
  readonly key = generateKey();
  readonly #root: string;
  #runs = 0;

  private constructor(root: string) {
    this.#root = root;
  }

  static async create(): Promise<CiJob> {
    return new CiJob(await mkdtemp(join(tmpdir(), 'tabseed-ci-')));
  }

  /** Writes a build into an empty folder and runs `tabseed publish` on it. */
  async publishFiles(files: Readonly<Record<string, string | Uint8Array>>, ...flags: string[]): Promise<CiRun> {
    const source = join(this.#root, `dist-${this.#runs}`);
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(source, path)), { recursive: true });
      await writeFile(join(source, path), content);
    }
    return await this.publish(source, ...flags);
  }

  /** @throws Error with what the command wrote, when it does not end with 0. */
  async publish(source: string, ...flags: string[]): Promise<CiRun> {
    this.#runs += 1;
    const out = join(this.#root, `public-${this.#runs}`);
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [COMMAND, 'publish', source, '--out', out, '--json', ...flags],
      { env: { ...process.env, TABSEED_KEY: this.key.pem } },
    );
    return { out, report: JSON.parse(stdout) as PublishReport };
  }

  async close(): Promise<void> {
    await rm(this.#root, { recursive: true, force: true });
  }
}

export interface CiRun {
  readonly out: string;
  readonly report: PublishReport;
}
