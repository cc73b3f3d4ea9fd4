import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installReleases, MONACO, N8N } from '../update/releases.ts';

/** An app that is loaded for the first time. */
export interface FirstLoadApp {
  readonly name: string;
  /** Puts the app into an empty folder. */
  readonly fill: (source: string) => Promise<void>;
}

const PAGE = 'index.html';

/** A page for a library that comes without one. */
const MONACO_PAGE = `<!doctype html>
<html>
<head>
<meta charset="utf-8">
<title>Editor</title>
<link rel="stylesheet" href="vs/editor/editor.main.css">
<script src="vs/loader.js"></script>
<script>require.config({ paths: { vs: 'vs' } }); require(['vs/editor/editor.main'], () => undefined);</script>
</head>
</html>
`;

/** n8n's page waits for a server that is not there: it loads what it preloads, and runs none of it. */
function withoutServer(html: string): string {
  return html
    .replaceAll('/{{BASE_PATH}}/', '/')
    .replaceAll('%CONFIG_TAGS%', '')
    .replaceAll(/<script type="module" crossorigin src=/g, '<link rel="modulepreload" href=')
    .replaceAll(/<script [^>]*src="\/static[^>]*><\/script>/g, '');
}

/** Both are as npm has them but for their page. */
export function realApps(): readonly FirstLoadApp[] {
  installReleases();
  return [
    {
      name: 'n8n-editor-ui 2.41.0',
      fill: async (source) => {
        await cp(N8N, source, { recursive: true });
        const page = join(source, PAGE);
        await writeFile(page, withoutServer(await readFile(page, 'utf8')));
      },
    },
    {
      name: 'monaco-editor 0.57.0',
      fill: async (source) => {
        await cp(MONACO, source, { recursive: true });
        await writeFile(join(source, PAGE), MONACO_PAGE);
      },
    },
  ];
}

export function appIn(folder: string): FirstLoadApp {
  return { name: folder, fill: (source) => cp(folder, source, { recursive: true }) };
}
