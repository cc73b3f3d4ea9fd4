import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installReleases, MONACO } from '../update/releases.ts';

const MODULES = join(import.meta.dirname, 'node_modules');
/** 40.6 MB. */
const DUCKDB = join(MODULES, '@duckdb/duckdb-wasm/dist/duckdb-mvp.wasm');

/** A page that sets `startedMs` when it can be used: milliseconds since its navigation began. */
export interface StartupApp {
  readonly name: string;
  readonly fill: (source: string) => Promise<void>;
}

const pageOf = (head: string, body: string): string =>
  `<!doctype html><html><head><meta charset="utf-8"><title>app</title>${head}</head><body>${body}</body></html>`;

const EDITOR = pageOf(
  '<link rel="stylesheet" href="vs/editor/editor.main.css"><script src="vs/loader.js"></script>',
  `<div id="editor" style="height:90vh"></div><script>
require.config({ paths: { vs: 'vs' } });
require(['vs/editor/editor.main'], (monaco) => {
  monaco.editor.create(document.getElementById('editor'), { value: 'const answer = 42;', language: 'javascript' });
  setTimeout(() => { globalThis.startedMs = performance.now(); });
});
</script>`,
);

const WASM = pageOf(
  '',
  `<script>
WebAssembly.compileStreaming(fetch('duckdb.wasm')).then((compiled) => {
  globalThis.compiled = compiled;
  globalThis.startedMs = performance.now();
});
</script>`,
);

/** Installs DuckDB, with the hashes of the lockfile, unless it is there. No script of a package runs. */
export function startupApps(): readonly StartupApp[] {
  installReleases();
  if (!existsSync(join(MODULES, '.package-lock.json'))) {
    process.stderr.write('Installing DuckDB into bench/startup …\n');
    const cwd = import.meta.dirname;
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit'], { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return [
    {
      name: 'editor',
      fill: async (source) => {
        await cp(join(MONACO, 'vs'), join(source, 'vs'), { recursive: true });
        await writeFile(join(source, 'index.html'), EDITOR);
      },
    },
    {
      name: 'wasm',
      fill: async (source) => {
        await copyFile(DUCKDB, join(source, 'duckdb.wasm'));
        await writeFile(join(source, 'index.html'), WASM);
      },
    },
  ];
}
