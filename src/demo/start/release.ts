import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtScripts } from '../../cli/built-scripts.ts';
import { chooseKey } from '../../cli/key-choice.ts';
import { showProgress } from '../../cli/progress.ts';
import { type PublishReport, publish } from '../../publisher/index.ts';
import { assembleApp, monacoVersion } from './app-folder.ts';

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

/** Publishes page and editor, signed with this user's development key; a bar on a terminal shows how far it is. */
export async function publishDemo(folders: DemoFolders, abort: AbortSignal): Promise<PublishReport> {
  await assembleApp(folders.app);
  // Never the key of somebody's real app, even if the environment names one.
  const key = await chooseKey(undefined, { ...process.env, TABSEED_KEY: undefined });
  const progress = showProgress(process.stdout, true);
  try {
    return await publish({
      source: folders.app,
      out: folders.out,
      key: key.pem,
      development: true,
      scripts: builtScripts(),
      version: monacoVersion(),
      abort,
      onProgress: (step) => progress.update(step),
    });
  } finally {
    progress.stop();
  }
}
