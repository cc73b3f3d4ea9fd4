import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import picomatch from 'picomatch';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
/** What backticks in a document may name from the root on. */
const FOLDERS = ['src', 'test', 'bench', 'docs'];
const DOCUMENTS = [
  ...[
    'README.md',
    'CONTRIBUTING.md',
    'ARCHITECTURE.md',
    'SECURITY.md',
    'PROTOCOL.md',
    'CHANGELOG.md',
    'docs/deploy.md',
    'docs/seed.md',
  ],
  ...entriesOf('bench').filter((path) => path.endsWith('README.md')),
];
const PATHS = new Set([...readdirSync(ROOT), ...FOLDERS.flatMap(entriesOf)]);
/** `core/swarm.ts` is short for `src/core/swarm.ts`. */
const ZONES = readdirSync(join(ROOT, 'src'));

/** Files and folders of ours below a folder, from the root on, with `/`. */
function entriesOf(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  const paths = names.map((name) => `${folder}/${name.replaceAll('\\', '/')}`);
  return [folder, ...paths.filter((path) => !path.includes('/node_modules'))];
}

function read(document: string): string {
  return readFileSync(join(ROOT, document), 'utf8');
}

/** As GitHub makes them from headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Links and pictures of a document that lead to no file, or to no heading of it. */
function brokenLinks(document: string, text: string): string[] {
  const targets = [
    ...[...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target),
    ...[...text.matchAll(/(?:src|srcset|href)="([^"]+)"/g)].map(([, target = '']) => target),
  ];
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [file = '', anchor] = target.split('#');
    const path = file === '' ? document : posix.join(posix.dirname(document), file).replace(/\/$/, '');
    return !PATHS.has(path) || (anchor !== undefined && !anchorsOf(read(path)).includes(anchor));
  });
}

/** Paths in backticks that are not in the repository. `*` may stand for a part of a name. */
function missingPaths(text: string): string[] {
  const prefix = [...FOLDERS, ...ZONES].join('|');
  const pattern = new RegExp(`(?<![\\w./-])(?:${prefix})/[\\w./*-]*`, 'g');
  const named = [...text.matchAll(/`[^`\n]+`/g)].flatMap(([span]) => span.match(pattern) ?? []);
  return named.filter((name) => {
    const path = name.replace(/[./]+$/, '');
    const isZonePath = !FOLDERS.some((folder) => name.startsWith(`${folder}/`));
    // Without the ending of a file it may be something else: a media type, an entry point.
    if (isZonePath && !/\.ts$/.test(path)) return false;
    const isMatch = picomatch(isZonePath ? `src/${path}` : path);
    return ![...PATHS].some((candidate) => isMatch(candidate));
  });
}

describe('the documents', () => {
  it.each(DOCUMENTS)('%s links to files and headings that exist', (document) => {
    expect(brokenLinks(document, read(document))).toEqual([]);
  });

  it.each(DOCUMENTS)('%s names paths that exist', (document) => {
    expect(missingPaths(read(document))).toEqual([]);
  });

  it('are read as Markdown: a link, a heading, a picture, a path', () => {
    expect(brokenLinks('README.md', '[a](ARCHITECTURE.md#zones) [b](ARCHITECTURE.md#none) [c](gone.md)')).toEqual([
      'ARCHITECTURE.md#none',
      'gone.md',
    ]);
    expect(brokenLinks('README.md', '<img src="docs/gone.png"> [x](https://tabseed.example/)')).toEqual([
      'docs/gone.png',
    ]);
    const named = '`src/core` `npm test -- test/gone` `core/gone.ts` `protocol/*-message.ts` `application/json`';
    expect(missingPaths(named)).toEqual(['test/gone', 'core/gone.ts']);
  });
});
