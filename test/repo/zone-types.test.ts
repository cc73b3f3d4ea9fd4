import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** What each zone's compiler may not see, so that a stray global there is a type error. */
const FORBIDDEN: Record<string, RegExp> = {
  pure: /\/@types\/|\/lib\.(?:dom|webworker)/,
  platform: /\/@types\/node\//,
  page: /\/@types\/node\//,
  worker: /\/@types\/node\/|\/lib\.dom\./,
  server: /\/lib\.(?:dom|webworker)\./,
};

describe('the types a zone sees', () => {
  it.each(Object.entries(FORBIDDEN))('in %s are those of its own platform', (zone, forbidden) => {
    const compiler = join(ROOT, 'node_modules/@typescript/native/bin/tsc');
    const files = execFileSync(process.execPath, [compiler, '-p', `tsconfig/${zone}.json`, '--listFilesOnly'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(files.split('\n').filter((file) => forbidden.test(file.replaceAll('\\', '/')))).toEqual([]);
  });
});
