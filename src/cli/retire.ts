import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type RetireReport, retire } from '../publisher/index.ts';
import { CliError } from './exit.ts';

interface RetireFlags {
  readonly key: readonly string[];
  readonly json: boolean;
}

/** Adds `tabseed retire`. */
export function registerRetire(program: Command): void {
  program
    .command('retire')
    .description('take Tabseed out of a published app: browsers remove its worker and data, pages go on without')
    .argument('<out>', 'folder that publish has filled; upload it afterwards')
    .option(
      '--key <file>',
      "the app's key, may be repeated: browsers that have the worker from a cache, and seeds, learn of it too",
      (file: string, before: readonly string[]) => [...before, file],
      [] as readonly string[],
    )
    .option('--json', 'print one JSON object', false)
    .action(run);
}

async function run(out: string, { key, json }: RetireFlags): Promise<void> {
  const report = await retire({
    out,
    key: key.length === 0 ? undefined : (await Promise.all(key.map(readKey))).join('\n'),
  });
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : describe(report, out));
}

function describe({ outcome, app, signed, files }: RetireReport, out: string): string {
  if (outcome === 'unchanged') return `app ${app} in ${out} is retired already\n`;
  return [
    `app ${app} is retired${signed ? ', and its pointer says so' : ''}`,
    `upload, in this order: ${files.join(', ')}`,
    'leave them there: a browser that comes later needs them too; publishing again revives the app',
    '',
  ].join('\n');
}

async function readKey(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((cause: unknown) => {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new CliError('key-unreadable', `the key ${file} cannot be read (${reason})`, { cause });
  });
}
