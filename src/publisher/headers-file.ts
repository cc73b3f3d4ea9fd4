import { readFile } from 'node:fs/promises';
import { headerProblem } from '../protocol/manifest-check.ts';
import type { ReleasePath } from '../protocol/release-path.ts';
import { errnoOf, PublishError } from './errors.ts';
import type { SourceFile } from './source-tree.ts';

/** Lower-case name → value, in the order of the file. */
export type ResponseHeaders = ReadonlyMap<string, string>;

/** The name of the headers file in SRC; hosts read it themselves, so it is copied but is no file of the release. */
export const HEADERS_FILE = '_headers';

interface Rule {
  readonly pattern: RegExp;
  readonly actions: Action[];
  readonly line: number;
}

type Action =
  | { readonly type: 'set'; readonly name: string; readonly value: string }
  | { readonly type: 'detach'; readonly name: string };

/** Response headers by path, in the format that Netlify and Cloudflare Pages share. */
export class HeaderRules {
  readonly #rules: readonly Rule[];

  private constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  static none(): HeaderRules {
    return new HeaderRules([]);
  }

  /** @throws PublishError `headers-syntax` with the number of the line. */
  static parse(text: string, fileName: string): HeaderRules {
    const rules: Rule[] = [];
    for (const [index, raw] of text
      .replace(/^\ufeff/, '')
      .split(/\r?\n/)
      .entries()) {
      const line = index + 1;
      const content = raw.trim();
      if (content === '' || content.startsWith('#')) continue;
      try {
        if (/^\s/.test(raw)) addAction(rules.at(-1), content);
        else rules.push({ pattern: parsePattern(content), actions: [], line });
      } catch (cause) {
        throw syntaxError(fileName, line, cause);
      }
    }
    const empty = rules.find(({ actions }) => actions.length === 0);
    if (empty !== undefined) throw syntaxError(fileName, empty.line, new Error('no header follows this path'));
    return new HeaderRules(rules);
  }

  /** All rules that fit, in order: a name set twice gets both values, and `!` takes a name back. */
  headersOf(path: ReleasePath): ResponseHeaders {
    // A navigation asks for `dir/`, a script for `dir/index.html`: one file, so rules for either are its own.
    const urls = [`/${path}`, ...(/(^|\/)index\.html$/.test(path) ? [`/${path.slice(0, -'index.html'.length)}`] : [])];
    const headers = new Map<string, string>();
    for (const { pattern, actions } of this.#rules) {
      if (!urls.some((url) => pattern.test(url))) continue;
      for (const action of actions) {
        const before = headers.get(action.name);
        if (action.type === 'detach') headers.delete(action.name);
        else headers.set(action.name, before === undefined ? action.value : `${before}, ${action.value}`);
      }
    }
    return headers;
  }
}

/**
 * The rules of a headers file, else of `_headers` in SRC, else none.
 *
 * @throws PublishError `headers-syntax`, `option-invalid` when the file cannot be read.
 */
export async function loadHeaderRules(file: string | undefined, sources: readonly SourceFile[]): Promise<HeaderRules> {
  const location = file ?? sources.find(({ path }) => path === HEADERS_FILE)?.location;
  if (location === undefined) return HeaderRules.none();
  const text = await readFile(location, 'utf8').catch((cause: unknown) => {
    const reason = errnoOf(cause) ?? 'unknown error';
    throw new PublishError('option-invalid', `the headers file ${location} cannot be read (${reason})`, { cause });
  });
  return HeaderRules.parse(text, file ?? HEADERS_FILE);
}

function parsePattern(content: string): RegExp {
  if (/^https?:/.test(content)) throw new Error('a path must begin with "/", hosts are not supported');
  if (!content.startsWith('/')) throw new Error('a path must begin with "/", and a header with a space');
  if (/\s/.test(content)) throw new Error('a path has no spaces: write them as %20');
  const source = content.split(/(\*|:[A-Za-z]\w*)/).map((part) => {
    if (part === '*') return '.*';
    if (/^:[A-Za-z]/.test(part)) return '[^/]+';
    return decodePath(part).replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  });
  return new RegExp(`^${source.join('')}$`, 's');
}

function decodePath(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new Error('malformed % escape', { cause });
  }
}

function addAction(rule: Rule | undefined, content: string): void {
  if (rule === undefined) throw new Error('a header comes before the first path');
  if (content.startsWith('!')) {
    const name = content.slice(1).trim().toLowerCase();
    checkHeader(name, '');
    rule.actions.push({ type: 'detach', name });
    return;
  }
  const colon = content.indexOf(':');
  if (colon < 1) throw new Error('"Name: value" is expected');
  const name = content.slice(0, colon).trim().toLowerCase();
  const value = content.slice(colon + 1).trim();
  checkHeader(name, value);
  rule.actions.push({ type: 'set', name, value });
}

function checkHeader(name: string, value: string): void {
  const problem = headerProblem(name, value);
  if (problem !== undefined) throw new Error(problem);
}

function syntaxError(fileName: string, line: number, cause: unknown): PublishError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PublishError('headers-syntax', `${fileName} line ${line}: ${reason}`, { cause });
}
