import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { SHORTENED_NAMES } from '../../worker-names.ts';

const ROOT = join(import.meta.dirname, '../..');

/** All of TypeScript's declarations of the platform are parsed: 4 s alone on a core, many times that on a busy machine. */
const PARSING_TIMEOUT_MS = 60_000;

/** Declarations of what the worker did not make itself: the platform, a package, messages, config, traffic. */
function foreignDeclarations(): string[] {
  const lib = join(ROOT, 'node_modules/typescript/lib');
  const platform = readdirSync(lib).filter((name) => /^lib\.(?:es|webworker).*\.d\.ts$/.test(name));
  return [
    ...platform.map((name) => join(lib, name)),
    join(ROOT, 'node_modules/idb-keyval/dist/index.d.ts'),
    ...['bridge-message.ts', 'figures-record.ts', 'release-news.ts', 'traffic.ts', 'worker-config.ts'].map((name) =>
      join(ROOT, 'src/protocol', name),
    ),
    // Recorded in the database.
    ...['document-headers.ts', 'releases.ts', 'pins.ts'].map((name) => join(ROOT, 'src/sw', name)),
  ];
}

const parsed = new Map<string, ts.SourceFile>();

function parse(path: string): ts.SourceFile {
  const source =
    parsed.get(path) ?? ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  parsed.set(path, source);
  return source;
}

function visit(path: string, see: (node: ts.Node) => void): void {
  const walk = (node: ts.Node): void => {
    see(node);
    ts.forEachChild(node, walk);
  };
  walk(parse(path));
}

/** Members of interfaces and object types; of our classes, which are never cloned or stored, nothing. */
function declaredNames(path: string, names: Set<string>): void {
  visit(path, (node) => {
    const isMember = ts.isPropertySignature(node) || ts.isMethodSignature(node);
    const isLibrary = path.endsWith('.d.ts') && ts.isClassElement(node);
    if ((isMember || isLibrary) && node.name && (ts.isIdentifier(node.name) || ts.isStringLiteral(node.name))) {
      names.add(node.name.text);
    }
  });
}

function sourceFiles(...zones: readonly string[]): string[] {
  return zones.flatMap((zone) =>
    readdirSync(join(ROOT, 'src', zone), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(ROOT, 'src', zone, name)),
  );
}

describe('names that the worker’s build shortens', () => {
  it('are in order, each once', () => {
    expect(SHORTENED_NAMES).toEqual([...new Set(SHORTENED_NAMES)].sort());
  });

  it('are neither names of the platform nor of anything that leaves the worker', {
    timeout: PARSING_TIMEOUT_MS,
  }, () => {
    const foreign = new Set<string>();
    for (const path of foreignDeclarations()) declaredNames(path, foreign);
    expect(foreign.has('waitUntil') && foreign.has('postMessage') && foreign.has('urgency')).toBe(true);
    expect(SHORTENED_NAMES.filter((name) => foreign.has(name))).toEqual([]);
  });

  it('never occur as text in what the worker may run', { timeout: PARSING_TIMEOUT_MS }, () => {
    const texts = new Set<string>();
    for (const path of sourceFiles('sw', 'core', 'platform', 'protocol')) {
      visit(path, (node) => {
        if (ts.isStringLiteralLike(node) && !ts.isLiteralTypeNode(node.parent)) texts.add(node.text);
      });
    }
    expect(texts.has('tabseed')).toBe(true);
    expect(SHORTENED_NAMES.filter((name) => texts.has(name))).toEqual([]);
  });

  it('are all in use', { timeout: PARSING_TIMEOUT_MS }, () => {
    const used = new Set<string>();
    for (const path of sourceFiles('sw', 'core', 'platform', 'protocol')) {
      visit(path, (node) => {
        if (ts.isIdentifier(node)) used.add(node.text);
      });
    }
    expect(SHORTENED_NAMES.filter((name) => !used.has(name))).toEqual([]);
  });
});
