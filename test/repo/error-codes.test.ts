import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** Types and constants by their names, and the error classes, of all of `src`. */
class Declarations {
  readonly byName = new Map<string, ts.Node>();
  readonly errors = new Map<string, ts.ClassDeclaration>();

  constructor() {
    for (const name of readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      const text = readFileSync(join(ROOT, 'src', name), 'utf8');
      ts.createSourceFile(name, text, ts.ScriptTarget.ES2022).forEachChild((node) => this.#add(node));
    }
  }

  #add(node: ts.Node): void {
    if (ts.isTypeAliasDeclaration(node)) this.byName.set(node.name.text, node.type);
    if (ts.isVariableStatement(node)) {
      for (const { name, initializer } of node.declarationList.declarations) {
        if (ts.isIdentifier(name) && initializer) this.byName.set(name.text, initializer);
      }
    }
    if (!ts.isClassDeclaration(node) || !node.name?.text.endsWith('Error')) return;
    // What others are made of has no codes of its own.
    if (node.typeParameters === undefined) this.errors.set(node.name.text, node);
  }

  /** The codes that an instance of an error class can have. */
  codesOf(error: ts.ClassDeclaration): string[] {
    const [base] = error.heritageClauses?.flatMap(({ types }) => types) ?? [];
    const code = error.members.find(
      (member) => ts.isPropertyDeclaration(member) && ts.isIdentifier(member.name) && member.name.text === 'code',
    );
    const declared = code && ts.isPropertyDeclaration(code) ? (code.type ?? code.initializer) : undefined;
    const value = base?.typeArguments?.[0] ?? declared;
    if (!value) return [];
    const codes = this.#textsIn(value);
    if (codes.length === 0) throw new Error(`the codes of ${error.name?.text ?? ''} are no union of texts`);
    return codes;
  }

  /** Texts of a union, through the names that it is made of. */
  #textsIn(node: ts.Node): string[] {
    if (ts.isStringLiteral(node)) return [node.text];
    if (ts.isIdentifier(node)) {
      const declared = this.byName.get(node.text);
      return declared ? this.#textsIn(declared) : [];
    }
    const texts: string[] = [];
    node.forEachChild((child) => {
      texts.push(...this.#textsIn(child));
    });
    return texts;
  }

  codesNamed(name: string): string[] {
    const declared = this.byName.get(name);
    if (!declared) throw new Error(`src has no ${name}`);
    return this.#textsIn(declared);
  }
}

/** The rows below a heading, up to the next one of its level; each a list of cells. */
function rowsBelow(document: string, heading: string): string[][] {
  const text = readFileSync(join(ROOT, document), 'utf8');
  const [marks = ''] = heading.split(' ', 1);
  const [, below = ''] = text.split(`\n${heading}\n`);
  const [section = ''] = below.split(`\n${marks} `, 1);
  return [...section.matchAll(/^\| (`.+) \|$/gm)].map(([, row = '']) => row.split(' | '));
}

function codesIn(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

/** Types of codes that a signaling server logs. */
const SERVER_LOG = ['DropCode', 'RefusalReason'];

describe('every error code', () => {
  const declarations = new Declarations();

  it('of a class is in ARCHITECTURE.md, and no other', () => {
    const declared = [...declarations.errors]
      .filter(([name]) => name !== 'ProtocolError')
      .flatMap(([name, error]) => declarations.codesOf(error).map((code) => `${name} ${code}`));
    const written = rowsBelow('ARCHITECTURE.md', '## Errors')
      .flatMap(([codes, names = '']) =>
        names.split(', ').flatMap((name) => codesIn(codes).map((code) => `${name} ${code}`)),
      )
      .filter((line) => !SERVER_LOG.some((type) => line.startsWith(type)));
    expect(written.sort()).toEqual(declared.sort());
  });

  it.each(SERVER_LOG)('of %s is in ARCHITECTURE.md, and no other', (type) => {
    const told = new Set(declarations.codesNamed('SignalErrorCode'));
    const declared = declarations.codesNamed(type).filter((code) => type !== 'DropCode' || !told.has(code));
    const written = rowsBelow('ARCHITECTURE.md', '### In the log of a signaling server')
      .filter(([, where]) => where === type)
      .flatMap(([codes]) => codesIn(codes));
    expect(written.sort()).toEqual(declared.sort());
  });

  it.each([
    ['ProtocolErrorCode', '## Errors'],
    ['SignalErrorCode', '### Rules of the server'],
  ])('of %s is in PROTOCOL.md below "%s", and no other', (type, heading) => {
    const written = rowsBelow('PROTOCOL.md', heading).flatMap(([codes]) => codesIn(codes));
    expect(written.sort()).toEqual(declarations.codesNamed(type).sort());
  });
});
