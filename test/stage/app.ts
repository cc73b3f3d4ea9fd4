import { createHash, randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { decodePointer, decodeWorkerConfig, WORKER_CONFIG_PREFIX } from '../../src/protocol/index.ts';
import { manifestPath, POINTER_PATH, WORKER_SCRIPT } from '../../src/protocol/layout.ts';
import { decodeManifest, type Manifest } from '../../src/protocol/manifest.ts';
import type { WorkerConfig } from '../../src/protocol/worker-config.ts';
import { generateKey, type PublishOptions, publish } from '../../src/publisher/index.ts';

const ROOT = join(import.meta.dirname, '../..');

/** The built scripts, as the command line finds them. */
export const SCRIPTS = { page: join(ROOT, 'dist/page'), worker: join(ROOT, 'dist/worker/sw.js') };

/** A published app and what a test compares with. */
export interface PublishedApp {
  readonly out: string;
  readonly manifest: Manifest;
  readonly config: WorkerConfig;
  /** Path → SHA-256 of what was published, read from the plain files. */
  readonly hashes: ReadonlyMap<string, string>;
}

/** Publishes a folder into a new temporary one. */
export async function publishApp(source: string, options: Partial<PublishOptions> = {}): Promise<PublishedApp> {
  const out = join(await mkdtemp(join(tmpdir(), 'tabseed-app-')), 'out');
  await publish({ source, out, key: generateKey().pem, scripts: SCRIPTS, ...options });
  const { pointer } = decodePointer(await readFile(join(out, POINTER_PATH)));
  const manifest = decodeManifest(await readFile(join(out, manifestPath(pointer.manifestHash))));
  const [line = ''] = (await readFile(join(out, WORKER_SCRIPT), 'utf8')).split('\n', 1);
  const config = decodeWorkerConfig(JSON.parse(line.slice(WORKER_CONFIG_PREFIX.length).replace(/;$/, '')));
  const hashes = new Map<string, string>();
  for (const { path } of manifest.files) {
    hashes.set(
      path,
      createHash('sha256')
        .update(await readFile(join(out, path)))
        .digest('hex'),
    );
  }
  return { out, manifest, config, hashes };
}

/** The demo as `npm start` publishes it: our page and the Monaco editor. */
export async function demoApp(): Promise<PublishedApp> {
  const source = await mkdtemp(join(tmpdir(), 'tabseed-demo-'));
  await cp(join(ROOT, 'dist/demo-site'), source, { recursive: true });
  await cp(join(ROOT, 'node_modules/monaco-editor/min'), join(source, 'monaco'), { recursive: true });
  return publishApp(source);
}

/** A page and files of random bytes, for what no real app is large enough. */
export async function bulkApp(files: Readonly<Record<string, number>>): Promise<PublishedApp> {
  const source = await mkdtemp(join(tmpdir(), 'tabseed-bulk-'));
  await writeFile(
    join(source, 'index.html'),
    '<!doctype html><html><head><title>bulk</title></head><body></body></html>',
  );
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(source, path)), { recursive: true });
    await writeFile(join(source, path), randomBytes(bytes));
  }
  return publishApp(source);
}
