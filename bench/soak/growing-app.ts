import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKey, publish } from '../../src/publisher/index.ts';
import type { SeededRandom } from '../../test/fakes/seeded-random.ts';
import { SCRIPTS } from '../../test/stage/app.ts';

/** Urgent ones and bulk ones: what a page waits for below 1 MiB goes another way than the rest. */
const FILE_BYTES: Readonly<Record<string, number>> = {
  'data/small-0.bin': 300_000,
  'data/small-1.bin': 700_000,
  'data/bulk-0.bin': 2_000_000,
  'data/bulk-1.bin': 3_000_000,
  'data/bulk-2.bin': 4_000_000,
};

/** An app whose publisher never rests: each release has one file with new content. */
export class GrowingApp {
  readonly out: string;
  readonly paths = Object.keys(FILE_BYTES);
  releases = 0;
  readonly #folder: string;
  readonly #signal: string;
  readonly #random: SeededRandom;
  readonly #key = generateKey().pem;
  /** Path → SHA-256 of every content that it ever had: a tab may be on an earlier release. */
  readonly #published = new Map<string, Set<string>>();

  private constructor(folder: string, signal: string, random: SeededRandom) {
    this.#folder = folder;
    this.#signal = signal;
    this.#random = random;
    this.out = join(folder, 'out');
  }

  static async open(signal: string, random: SeededRandom): Promise<GrowingApp> {
    const app = new GrowingApp(await mkdtemp(join(tmpdir(), 'tabseed-soak-')), signal, random);
    await mkdir(join(app.#folder, 'source/data'), { recursive: true });
    await writeFile(
      join(app.#folder, 'source/index.html'),
      '<!doctype html><html><head><title>soak</title></head><body></body></html>',
    );
    for (const path of app.paths) await app.#write(path);
    await app.#publish();
    return app;
  }

  /** The next release. */
  async release(): Promise<void> {
    await this.#write(this.paths[this.#random.below(this.paths.length)] ?? '');
    await this.#publish();
  }

  isPublished(path: string, sha256: string): boolean {
    return this.#published.get(path)?.has(sha256) === true;
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }

  async #write(path: string): Promise<void> {
    const file = join(this.#folder, 'source', path);
    await writeFile(file, this.#random.bytes(FILE_BYTES[path] ?? 0));
    const hash = createHash('sha256').update(await readFile(file));
    const known = this.#published.get(path) ?? new Set();
    this.#published.set(path, known.add(hash.digest('hex')));
  }

  async #publish(): Promise<void> {
    const source = join(this.#folder, 'source');
    await publish({ source, out: this.out, key: this.#key, scripts: SCRIPTS, signal: this.#signal });
    this.releases += 1;
  }
}
