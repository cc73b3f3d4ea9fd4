import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBuilder } from 'vite';
import type { BuiltScripts } from '../../../src/publisher/index.ts';

const ROOT = join(import.meta.dirname, '../../..');
const VERSION_IMPORT = "import { PROTOCOL_VERSION } from '../protocol/version.ts';";

/**
 * The worker as a release ships it, built from the sources as they are, and a client script that does nothing.
 *
 * @param bridgeVersion the version that it says and expects in messages with pages; releases keep theirs.
 */
export async function buildWorker(bridgeVersion?: number): Promise<BuiltScripts> {
  const builder = await createBuilder({
    root: ROOT,
    configFile: join(ROOT, 'vite.config.ts'),
    logLevel: 'error',
    plugins: [
      {
        name: 'bridge-version',
        enforce: 'pre',
        transform(code, id) {
          if (bridgeVersion === undefined || !id.endsWith('/src/sw/tabseed-worker.ts')) return undefined;
          if (!code.includes(VERSION_IMPORT)) throw new Error('the worker has its version from elsewhere now');
          return code.replace(VERSION_IMPORT, `const PROTOCOL_VERSION = ${bridgeVersion};`);
        },
      },
    ],
  });
  const { worker: environment } = builder.environments;
  if (environment === undefined) throw new Error('vite.config.ts has no environment "worker"');
  environment.config.build.write = false;
  const [built] = [await builder.build(environment)].flat();
  if (built === undefined || !('output' in built)) throw new Error('the build has no output');
  const folder = await mkdtemp(join(tmpdir(), 'tabseed-worker-'));
  await mkdir(join(folder, 'page'));
  await writeFile(join(folder, 'page/client.js'), 'export {};\n');
  await writeFile(join(folder, 'sw.js'), built.output[0].code);
  return { page: join(folder, 'page'), worker: join(folder, 'sw.js') };
}
