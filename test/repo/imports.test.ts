import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

interface Row {
  /** Zones whose files this zone may import. */
  readonly zones: readonly Zone[];
  /** npm packages, and `node:` for all of Node's own modules. */
  readonly packages: readonly string[];
}

type Zone =
  | 'protocol'
  | 'core'
  | 'platform'
  | 'client'
  | 'sw'
  | 'node'
  | 'signal-server'
  | 'origin-server'
  | 'publisher'
  | 'vite'
  | 'cli'
  | 'demo';

/** The house plan. A package that a zone does not import any more must leave its row. */
const TABLE: Record<Zone, Row> = {
  protocol: { zones: [], packages: [] },
  core: { zones: ['protocol'], packages: [] },
  platform: { zones: ['core', 'protocol'], packages: ['hash-wasm', 'idb-keyval', 'simple-peer'] },
  client: { zones: ['platform', 'core', 'protocol'], packages: ['workbox-window'] },
  sw: { zones: ['platform', 'core', 'protocol'], packages: [] },
  node: { zones: ['platform', 'core', 'protocol'], packages: ['node:', '@roamhq/wrtc', 'node-datachannel', 'ws'] },
  'signal-server': { zones: ['protocol'], packages: ['node:', 'ws'] },
  'origin-server': { zones: ['protocol'], packages: ['node:', 'mrmime', 'send'] },
  publisher: { zones: ['protocol'], packages: ['node:', 'mrmime', 'picomatch'] },
  vite: { zones: ['publisher'], packages: ['node:', 'vite'] },
  cli: {
    zones: ['publisher', 'signal-server', 'origin-server', 'node', 'protocol'],
    packages: ['node:', 'cli-progress', 'commander', 'pino'],
  },
  demo: {
    zones: ['cli', 'publisher', 'signal-server', 'node', 'client'],
    packages: ['node:', 'monaco-editor', 'uplot'],
  },
};

const SOURCE = join(import.meta.dirname, '../../src');
const ZONES = Object.keys(TABLE) as Zone[];

interface Import {
  /** Path below `src/`, with the line. */
  readonly at: string;
  /** A zone, a package, `node:`, or the specifier itself when it leads nowhere that has a row. */
  readonly target: string;
}

/** Every static, type-only and dynamic import, re-export and `import()` type of a file. */
function importsOf(path: string, text: string): Import[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName, pos }) => ({
    at: `${path}:${text.slice(0, pos).split('\n').length}`,
    target: targetOf(path, fileName),
  }));
}

function targetOf(path: string, specifier: string): string {
  if (specifier.startsWith('.')) {
    const [zone = specifier] = posix.join(posix.dirname(path), specifier).split('/');
    return (ZONES as string[]).includes(zone) ? zone : specifier;
  }
  if (specifier.startsWith('node:') || builtinModules.includes(specifier)) return 'node:';
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function importsOfZone(zone: Zone): Import[] {
  return readdirSync(join(SOURCE, zone), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => {
      const path = join(SOURCE, zone, name);
      return importsOf(relative(SOURCE, path).replaceAll('\\', '/'), readFileSync(path, 'utf8'));
    })
    .filter(({ target }) => target !== zone);
}

describe('the import table', () => {
  const present = ZONES.filter((zone) => existsSync(join(SOURCE, zone)));

  it('has a row for every folder in src', () => {
    const folders = readdirSync(SOURCE, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(ZONES).toEqual(expect.arrayContaining(folders.map(({ name }) => name)));
  });

  it.each(present)('allows every import of src/%s', (zone) => {
    const allowed: readonly string[] = [...TABLE[zone].zones, ...TABLE[zone].packages];
    const forbidden = importsOfZone(zone).filter(({ target }) => !allowed.includes(target));
    expect(forbidden.map(({ at, target }) => `${at} imports ${target}`)).toEqual([]);
  });

  it.each(present)('lists no package for src/%s that it does not import', (zone) => {
    const used = new Set(importsOfZone(zone).map(({ target }) => target));
    expect(TABLE[zone].packages.filter((target) => !used.has(target))).toEqual([]);
  });

  it('sees static, type-only, dynamic and re-exported imports', () => {
    const text = [
      "import { a } from '../core/a.ts';",
      "import type { B } from '@scope/name/deep.js';",
      "export { c } from 'package/deep';",
      "export * from '../platform/c.ts';",
      "const d = () => import('node:fs');",
      "type E = import('../protocol/e.ts').E;",
      "import '../../elsewhere.ts';",
    ].join('\n');
    expect(importsOf('client/x.ts', text)).toEqual([
      { at: 'client/x.ts:1', target: 'core' },
      { at: 'client/x.ts:2', target: '@scope/name' },
      { at: 'client/x.ts:3', target: 'package' },
      { at: 'client/x.ts:4', target: 'platform' },
      { at: 'client/x.ts:5', target: 'node:' },
      { at: 'client/x.ts:6', target: 'protocol' },
      { at: 'client/x.ts:7', target: '../../elsewhere.ts' },
    ]);
  });
});
