import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBuilder } from 'vite';
import type { BuiltScripts } from '../../../src/publisher/index.ts';

const ROOT = join(import.meta.dirname, '../../..');

/**
 * The worker as a release ships it, built from the sources as they are, and a client script that does nothing.
 *
 * @param prelude runs before the worker's own code, to break what it relies on.
 */
export async function buildWorker(prelude = ''): Promise<BuiltScripts> {
  const builder = await createBuilder({ root: ROOT, configFile: join(ROOT, 'vite.config.ts'), logLevel: 'error' });
  const { worker: environment } = builder.environments;
  if (environment === undefined) throw new Error('vite.config.ts has no environment "worker"');
  environment.config.build.write = false;
  const [built] = [await builder.build(environment)].flat();
  if (built === undefined || !('output' in built)) throw new Error('the build has no output');
  const folder = await mkdtemp(join(tmpdir(), 'tabseed-worker-'));
  await mkdir(join(folder, 'page'));
  await writeFile(join(folder, 'page/client.js'), 'export {};\n');
  await writeFile(join(folder, 'sw.js'), prelude + built.output[0].code);
  return { page: join(folder, 'page'), worker: join(folder, 'sw.js') };
}
