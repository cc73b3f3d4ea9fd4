import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BuiltScripts } from '../publisher/index.ts';

/** The client and worker of this package: beside dist/cli, or in dist when the command runs from src/cli. */
export function builtScripts(): BuiltScripts {
  const beside = fileURLToPath(new URL('..', import.meta.url));
  const built = existsSync(`${beside}page`) ? beside : fileURLToPath(new URL('../../dist/', import.meta.url));
  return { page: `${built}page`, worker: `${built}worker/sw.js` };
}
