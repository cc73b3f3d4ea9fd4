import { cp, mkdir, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The page as Vite built it, seen from `dist/demo/start.js`. */
const BUILT_PAGE = fileURLToPath(new URL('../demo-site', import.meta.url));

/** npm's names of the two Monacos: what the demo begins with, and what it is updated to. */
export type MonacoPackage = 'monaco-editor-previous' | 'monaco-editor';

/** Fills `folder` with the app as its own developers would deploy it: our page, and Monaco as npm has it. */
export async function assembleApp(folder: string, monaco: MonacoPackage): Promise<void> {
  await stat(join(BUILT_PAGE, 'index.html')).catch((cause: unknown) => {
    throw new Error('the demo page is not built: run npm run build', { cause });
  });
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await cp(BUILT_PAGE, folder, { recursive: true });
  await cp(join(packageFolder(monaco), 'min'), join(folder, 'monaco'), { recursive: true });
}

/** Monaco's version names the release of the demo. */
export function monacoVersion(monaco: MonacoPackage): string {
  const { version } = createRequire(import.meta.url)(join(packageFolder(monaco), 'package.json')) as {
    version: string;
  };
  return version;
}

function packageFolder(monaco: MonacoPackage): string {
  // The package exports neither `package.json` nor folders; its main entry lies in `min/vs`.
  const entry = createRequire(import.meta.url).resolve(monaco);
  return dirname(dirname(dirname(entry)));
}
