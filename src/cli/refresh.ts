import type { Command } from 'commander';
import { POINTER_PATH } from '../protocol/layout.ts';
import { type RefreshReport, refresh } from '../publisher/index.ts';
import { chooseSigningKey, keyOption } from './key-choice.ts';

interface RefreshFlags {
  readonly key: readonly string[];
  readonly json: boolean;
}

/** Adds `tabseed refresh`. */
export function registerRefresh(program: Command): void {
  program
    .command('refresh')
    .description('sign the newest release again before it expires; it stays what it is')
    .argument('<out>', 'folder that publish has filled; upload the pointer afterwards')
    .addOption(keyOption())
    .option('--json', 'print one JSON object', false)
    .action(run);
}

async function run(out: string, { key, json }: RefreshFlags): Promise<void> {
  const report = await refresh({ out, key: (await chooseSigningKey(key)).pem });
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : describe(report));
}

function describe({ outcome, sequence, expires }: RefreshReport): string {
  const until = new Date(expires * 1000).toISOString().slice(0, 10);
  if (outcome === 'unchanged') return `release ${sequence} is valid until ${until} already\n`;
  return `release ${sequence} is valid until ${until}\nupload ${POINTER_PATH}\n`;
}
