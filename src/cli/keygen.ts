import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { generateKey } from '../publisher/index.ts';
import { CliError } from './exit.ts';

/** Only its owner may read a private key. */
export const KEY_FILE_MODE = 0o600;

interface KeygenOptions {
  readonly out: string;
  readonly json: boolean;
}

/** Adds `tabseed keygen`. */
export function registerKeygen(program: Command): void {
  program
    .command('keygen')
    .description('make an Ed25519 key pair that signs releases')
    .requiredOption('--out <file>', 'file for the private key; must not exist')
    .option('--json', 'print one JSON object', false)
    .action(keygen);
}

async function keygen({ out, json }: KeygenOptions): Promise<void> {
  const { pem, publicKey } = generateKey();
  try {
    await writeFile(out, pem, { flag: 'wx', mode: KEY_FILE_MODE });
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    if (reason === 'EEXIST')
      throw new CliError('key-exists', `${out} exists and is not overwritten: choose another name`);
    throw new CliError('key-unwritable', `${out} cannot be written (${reason})`, { cause });
  }
  const text = json
    ? JSON.stringify({ file: out, publicKey })
    : `public key: ${publicKey}\nprivate key: ${out} (keep it secret)`;
  process.stdout.write(`${text}\n`);
}
