import { createHash, randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
  /** Deletes the app from the disk. */
  remove(): Promise<void>;
}

interface AppOptions extends Partial<PublishOptions> {
  /** Runs before the worker's own code, to break what it relies on. */
  readonly workerPrelude?: string;
}

/** Publishes what `fill` writes into an empty folder. */
export async function publishApp(
  fill: (source: string) => Promise<void>,
  { workerPrelude, ...options }: AppOptions = {},
): Promise<PublishedApp> {
  const folder = await mkdtemp(join(tmpdir(), 'tabseed-app-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const source = join(folder, 'source');
  const out = join(folder, 'out');
  try {
    await mkdir(source);
    await fill(source);
    const scripts = { ...SCRIPTS };
    if (workerPrelude !== undefined) {
      scripts.worker = join(folder, 'sw.js');
      await writeFile(scripts.worker, workerPrelude + (await readFile(SCRIPTS.worker, 'utf8')));
    }
    await publish({ source, out, key: generateKey().pem, scripts, ...options });
    return { out, ...(await readRelease(out)), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The newest release of a published folder. */
export async function readRelease(out: string): Promise<Omit<PublishedApp, 'out' | 'remove'>> {
  const { pointer } = decodePointer(await readFile(join(out, POINTER_PATH)));
  const manifest = decodeManifest(await readFile(join(out, manifestPath(pointer.manifestHash))));
  const [line = ''] = (await readFile(join(out, WORKER_SCRIPT), 'utf8')).split('\n', 1);
  const config = decodeWorkerConfig(JSON.parse(line.slice(WORKER_CONFIG_PREFIX.length).replace(/;$/, '')));
  const hashes = new Map<string, string>();
  for (const { path } of manifest.files) {
    const hash = createHash('sha256').update(await readFile(join(out, path)));
    hashes.set(path, hash.digest('hex'));
  }
  return { manifest, config, hashes };
}

/** The demo as `npm start` publishes it: our page and the Monaco editor. */
export function demoApp(): Promise<PublishedApp> {
  return publishApp(async (source) => {
    await cp(join(ROOT, 'dist/demo-site'), source, { recursive: true });
    await cp(join(ROOT, 'node_modules/monaco-editor/min'), join(source, 'monaco'), { recursive: true });
  });
}

/** A page and files of random bytes, for what no real app is large enough. */
export function bulkApp(files: Readonly<Record<string, number>>, options: AppOptions = {}): Promise<PublishedApp> {
  return publishApp(async (source) => {
    const html = '<!doctype html><html><head><title>bulk</title></head><body></body></html>';
    await writeFile(join(source, 'index.html'), html);
    for (const [path, bytes] of Object.entries(files)) {
      await mkdir(dirname(join(source, path)), { recursive: true });
      await writeFile(join(source, path), randomBytes(bytes));
    }
  }, options);
}
