import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const PREBUNDLED = 'simple-peer/simplepeer.min.js';
const MAIN = createRequire(import.meta.url).resolve('simple-peer');
const STREAM = join(import.meta.dirname, 'src/platform/message-stream.ts');

/** What simple-peer requires, and what it needs of it in a browser. */
const STAND_INS: Readonly<Record<string, string>> = {
  debug: 'module.exports = () => () => undefined;',
  randombytes: `module.exports = (count) => ({
    toString: () => Array.from(crypto.getRandomValues(new Uint8Array(count)), (byte) => byte.toString(16).padStart(2, '0')).join(''),
  });`,
  'queue-microtask': 'module.exports = (task) => queueMicrotask(task);',
  buffer: 'exports.Buffer = { from: (bytes) => new Uint8Array(bytes) };',
};

/**
 * Bundles simple-peer's own source with stand-ins for the Node modules that it was written on, instead of its prebundled
 * file, which carries all of them: 7 KB, gzip, instead of 28, and no stream between a data channel and its reader.
 */
export function leanSimplePeer(environments: readonly string[]): Plugin {
  return {
    name: 'tabseed:lean-simple-peer',
    enforce: 'pre',
    applyToEnvironment: ({ name }) => environments.includes(name),
    resolveId(id, importer) {
      if (id === PREBUNDLED) return MAIN;
      if (importer !== MAIN) return undefined;
      if (id === 'readable-stream') return STREAM;
      return id in STAND_INS ? `\0${id}` : undefined;
    },
    load: (id) => (id.startsWith('\0') ? STAND_INS[id.slice(1)] : undefined),
  };
}
