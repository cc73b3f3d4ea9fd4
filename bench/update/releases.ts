import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = import.meta.dirname;
const MODULES = join(FOLDER, 'node_modules');

/** Two releases of one app, as folders of built files. */
export interface ReleasePair {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** Installs the releases, with the hashes of the lockfile, unless they are there. No script of a package runs. */
export function installReleases(): void {
  if (existsSync(join(MODULES, '.package-lock.json'))) return;
  process.stderr.write('Installing releases of n8n and Monaco into bench/update …\n');
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit'], {
    cwd: FOLDER,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

const n8n = (version: string): string => join(MODULES, `n8n-${version}`, 'dist');
const monaco = (version: string): string => join(MODULES, `monaco-${version}`, 'min');

/** The newest of each. */
export const N8N = n8n('2-41-0');
export const MONACO = monaco('0-57-0');

export const REAL_PAIRS: readonly ReleasePair[] = [
  { name: 'n8n-editor-ui 2.40.2 to 2.40.3', from: n8n('2-40-2'), to: n8n('2-40-3') },
  { name: 'n8n-editor-ui 2.40.3 to 2.41.0', from: n8n('2-40-3'), to: n8n('2-41-0') },
  { name: 'monaco-editor 0.56.0 to 0.57.0', from: monaco('0-56-0'), to: monaco('0-57-0') },
];
