import { cp, mkdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The page as Vite built it, seen from `dist/demo/start.js`. */
const BUILT_PAGE = fileURLToPath(new URL('../demo-site', import.meta.url));

/** Fills `folder` with the app as its own developers would deploy it: our page, and Monaco as npm has it. */
export async function assembleApp(folder: string): Promise<void> {
  await stat(join(BUILT_PAGE, 'index.html')).catch((cause: unknown) => {
    throw new Error('the demo page is not built: run npm run build', { cause });
  });
  await mkdir(folder, { recursive: true });
  await cp(BUILT_PAGE, folder, { recursive: true });
  await cp(monacoFolder(), join(folder, 'monaco'), { recursive: true });
}

/** Monaco's version names the release of the demo. */
export function monacoVersion(): string {
  const { version } = createRequire(import.meta.url)(join(packageFolder(), 'package.json')) as { version: string };
  return version;
}

function monacoFolder(): string {
  return join(packageFolder(), 'min');
}

function packageFolder(): string {
  // The package exports neither `package.json` nor folders; its main entry lies in `min/vs`.
  const entry = createRequire(import.meta.url).resolve('monaco-editor');
  return dirname(dirname(dirname(entry)));
}
