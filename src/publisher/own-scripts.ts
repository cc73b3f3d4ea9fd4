import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { CLIENT_SCRIPT, FOLDER, WORKER_SCRIPT } from '../protocol/layout.ts';
import { WORKER_CONFIG_PREFIX, type WorkerConfig } from '../protocol/worker-config.ts';
import { PublishError } from './errors.ts';
import type { BuiltScripts } from './options.ts';
import type { Staging } from './staging.ts';

/**
 * Stages the client script, those that it loads, and the state page; returns their paths, `client.js` last.
 *
 * @throws PublishError `scripts-missing`
 */
export async function stageClientScripts(scripts: BuiltScripts, staging: Staging): Promise<string[]> {
  const entries = await readdir(scripts.page, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw missing(scripts.page, cause);
  });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(scripts.page, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
    .sort();
  const paths = names.map((name) => `${FOLDER}/${name}`);
  if (!paths.includes(CLIENT_SCRIPT)) throw missing(join(scripts.page, 'client.js'), undefined);
  for (const [index, path] of paths.entries()) {
    await copyFile(join(scripts.page, names[index] ?? ''), await staging.place(path));
  }
  return [...paths.filter((path) => path !== CLIENT_SCRIPT), CLIENT_SCRIPT];
}

/** Among the paths of client scripts; a build has one. */
export function isBootScript(path: string): boolean {
  return path.startsWith(`${FOLDER}/boot-`);
}

/** Stages the worker script with its configuration as the first line. @throws PublishError `scripts-missing` */
export async function stageWorkerScript(scripts: BuiltScripts, config: WorkerConfig, staging: Staging): Promise<void> {
  const code = await readFile(scripts.worker).catch((cause: unknown) => {
    throw missing(scripts.worker, cause);
  });
  await writeFile(await staging.place(WORKER_SCRIPT), Buffer.concat([configLine(config), code]));
}

/** The first line of a worker script. */
export function configLine(config: WorkerConfig): Uint8Array {
  return Buffer.from(`${WORKER_CONFIG_PREFIX}${JSON.stringify(config)};\n`);
}

function missing(what: string, cause: unknown): PublishError {
  return new PublishError('scripts-missing', `${what} is missing: build tabseed first (npm run build)`, { cause });
}
