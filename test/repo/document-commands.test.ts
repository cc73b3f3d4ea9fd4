import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/exit.ts';
import { registerKeygen } from '../../src/cli/keygen.ts';
import { registerPublish } from '../../src/cli/publish.ts';
import { registerRefresh } from '../../src/cli/refresh.ts';
import { registerRollback } from '../../src/cli/rollback.ts';
import { registerSeed } from '../../src/cli/seed.ts';
import { registerServe } from '../../src/cli/serve.ts';
import { registerSignal } from '../../src/cli/signal.ts';
import { registerStatus } from '../../src/cli/status.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENTS = ['README.md', 'docs/deploy.md'];

function program(): Command {
  const command = createProgram();
  registerKeygen(command);
  registerPublish(command);
  registerRefresh(command);
  registerRollback(command);
  registerSeed(command);
  registerServe(command);
  registerSignal(command);
  registerStatus(command);
  return command;
}

/** Lines of code blocks that run the command, without comments, joined where they continue. */
function commandLines(text: string): string[] {
  const blocks = [...text.matchAll(/^```\w+\n(.*?)^```/gms)].map(([, block = '']) => block.replaceAll('\\\n', ' '));
  return blocks
    .flatMap((block) => block.split('\n'))
    .flatMap((line) => /(?:^|\s)(?:tabseed|main\.js)\s+([a-z]+\s.*)$/.exec(line)?.[1] ?? [])
    .map((line) => line.replace(/\s#\s.*$/, ''));
}

/** Subcommands and options of a line that the command does not have. */
function unknownIn(line: string, known: Command): string[] {
  const [name = '', ...words] = line.trim().split(/\s+/);
  const command = known.commands.find((candidate) => candidate.name() === name);
  if (command === undefined) return [name];
  const flags = words.filter((word) => /^--[a-z]/.test(word));
  return flags.filter((flag) => !command.options.some(({ long }) => long === flag));
}

describe('the commands of the documents', () => {
  it.each(DOCUMENTS)('in %s exist, with their options', (document) => {
    const lines = commandLines(readFileSync(join(ROOT, document), 'utf8'));
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.flatMap((line) => unknownIn(line, program()).map((what) => `${what} in: ${line}`))).toEqual([]);
  });

  it('are found in blocks of code, and what is wrong in them', () => {
    const lines = commandLines(
      '```sh\ntabseed publish dist \\\n  --what x # --comment\ntabseed vanish now\n```\ntabseed no\n',
    );
    expect(lines.map((line) => unknownIn(line, program()))).toEqual([['--what'], ['vanish']]);
  });
});
