import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type BuiltScripts,
  generateKey,
  type PublishOptions,
  type PublishReport,
  publish,
} from '../../../src/publisher/index.ts';

export type Files = Readonly<Record<string, string | Uint8Array>>;

/** A temporary folder with a source, a place for the release, built scripts and a key; gone when the test ends. */
export class Workspace {
  readonly root: string;
  readonly source: string;
  readonly out: string;
  readonly scripts: BuiltScripts;
  readonly key = generateKey();

  private constructor(root: string) {
    this.root = root;
    this.source = join(root, 'src');
    this.out = join(root, 'out');
    this.scripts = { page: join(root, 'scripts/page'), worker: join(root, 'scripts/sw.js') };
  }

  static async create(files: Files): Promise<Workspace> {
    const workspace = new Workspace(await mkdtemp(join(tmpdir(), 'tabseed-publisher-')));
    onTestFinished(() => rm(workspace.root, { recursive: true, force: true }));
    await mkdir(workspace.source);
    await workspace.write(files);
    await workspace.write(
      { 'page/client.js': 'import("./swarm-abc.js")', 'page/swarm-abc.js': 'export {}', 'sw.js': 'self.worker = 1;\n' },
      join(workspace.root, 'scripts'),
    );
    return workspace;
  }

  async write(files: Files, folder = this.source): Promise<void> {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
  }

  async publish(options: Partial<PublishOptions> = {}): Promise<PublishReport> {
    return await publish({
      source: this.source,
      out: this.out,
      key: this.key.pem,
      scripts: this.scripts,
      ...options,
    });
  }

  async text(path: string): Promise<string> {
    return await readFile(join(this.out, path), 'utf8');
  }
}

/** Path → hash of all files below a folder, and of whatever else lies there. */
export async function snapshot(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const hashes: Record<string, string> = {};
  for (const entry of entries.sort((a, b) => (join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1))) {
    const location = join(entry.parentPath, entry.name);
    hashes[relative(folder, location)] = entry.isFile()
      ? await readFile(location).then(sha256, () => 'unreadable')
      : 'no file';
  }
  return hashes;
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
