import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** The text of every test of the repository. */
function allTests(): string {
  const names = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(ROOT, 'test', name), 'utf8'))
    .join('\n');
}

/** Last cells of the tables of SECURITY.md that have a column of tests. */
function namedTests(): string[] {
  const text = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8');
  const rows = [...text.matchAll(/^\| [^|]+ \| [^|]+ \| ([^|]+) \|$/gm)].map(([, cell = '']) => cell);
  const section = text.slice(text.indexOf('## Attacks and defences'));
  return rows
    .filter((cell) => cell !== 'test' && section.includes(`| ${cell} |`))
    .flatMap((cell) => cell.split('; '))
    .map((name) => name.replace(/ \(unit\)$/, ''));
}

describe('SECURITY.md', () => {
  const tests = allTests();

  it('names tests', () => {
    expect(namedTests().length).toBeGreaterThan(20);
  });

  it.each(namedTests())('names a test that exists: %s', (name) => {
    expect(tests).toContain(name);
  });
});
