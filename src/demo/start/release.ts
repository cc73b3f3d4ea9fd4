import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { PublishReport } from '../../publisher/index.ts';
import { assembleApp, type MonacoPackage, monacoVersion } from './app-folder.ts';

const CLI = fileURLToPath(new URL('../cli/main.js', import.meta.url));

/** What the demo keeps on disk while it runs. */
export interface DemoFolders {
  /** The app before publishing. */
  readonly app: string;
  /** What the origin serves. */
  readonly out: string;
  /** The seed's chunks. */
  readonly seed: string;
  remove(): Promise<void>;
}

/** Outside the checkout: it is no build output, and goes when the demo ends. */
export async function createFolders(): Promise<DemoFolders> {
  const root = await mkdtemp(join(tmpdir(), 'tabseed-demo-'));
  return {
    app: join(root, 'app'),
    out: join(root, 'out'),
    seed: join(root, 'seed'),
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

/**
 * Publishes page and editor as the next release, signed with this user's development key. By `tabseed publish` in a
 * process of its own, as in a CI: deltas take seconds of a core that the server needs. It shows how far it is on a
 * terminal.
 */
export async function publishDemo(
  { app, out }: DemoFolders,
  monaco: MonacoPackage,
  abort: AbortSignal,
): Promise<PublishReport> {
  await assembleApp(app, monaco);
  const child = spawn(
    process.execPath,
    [CLI, 'publish', app, '--out', out, '--version', monacoVersion(monaco), '--json'],
    // Never the key of somebody's real app, even if the environment names one.
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TABSEED_KEY: undefined }, signal: abort },
  );
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null]>]);
  if (code !== 0) throw new Error(`tabseed publish ended with ${String(code)}`);
  return JSON.parse(printed) as PublishReport;
}
