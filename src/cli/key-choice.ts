import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { Option } from 'commander';
import { generateKey } from '../publisher/index.ts';
import { CliError } from './exit.ts';
import { KEY_FILE_MODE } from './keygen.ts';
import { warn } from './warning.ts';

export interface ChosenKey {
  readonly pem: string;
  /** Where the development key lies, when that is what was chosen. */
  readonly developmentFile: string | undefined;
}

/** The keys of `--key`, else of TABSEED_KEY (PEM or a file's name), else this user's development key. */
async function chooseKey(
  files: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ChosenKey> {
  if (files.length > 0) {
    return { pem: (await Promise.all(files.map(readKey))).join('\n'), developmentFile: undefined };
  }
  const given = environment.TABSEED_KEY;
  // A CI job without the right to a secret gets an empty one: a development key would be deployed without a word.
  if (given?.trim() === '') {
    throw new CliError('key-unreadable', 'TABSEED_KEY is empty: may this job read the secret? Else unset it');
  }
  if (given !== undefined) {
    // Some CI systems keep a variable on one line, with the breaks written out.
    const pem = given.includes('-----BEGIN') ? given.replaceAll('\\n', '\n') : await readKey(given);
    return { pem, developmentFile: undefined };
  }
  return await developmentKey(environment);
}

/** `--key`, of commands that sign. */
export function keyOption(): Option {
  return new Option(
    '--key <file>',
    'private key that signs, may be repeated while it is changed (default: TABSEED_KEY, else a key of this machine)',
  )
    .default([], '')
    .argParser((file: string, before: readonly string[]) => [...before, file]);
}

/** The same for a command that signs, with a warning when the key is good for this machine alone. */
export async function chooseSigningKey(files: readonly string[]): Promise<ChosenKey> {
  const chosen = await chooseKey(files, process.env);
  if (chosen.developmentFile !== undefined) {
    warn(`signed with the development key ${chosen.developmentFile}: it works on localhost only, for others use --key`);
  }
  return chosen;
}

async function developmentKey(environment: Readonly<Record<string, string | undefined>>): Promise<ChosenKey> {
  const config = environment.XDG_CONFIG_HOME;
  const folder = config?.startsWith('/') ? config : join(homedir(), '.config');
  const developmentFile = join(folder, 'tabseed', 'development-key.pem');
  try {
    await mkdir(dirname(developmentFile), { recursive: true, mode: 0o700 });
    await writeFile(developmentFile, generateKey().pem, { flag: 'wx', mode: KEY_FILE_MODE });
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    if (reason !== 'EEXIST') {
      const message = `no --key is given, and a development key cannot be kept in ${developmentFile} (${reason})`;
      throw new CliError('key-unwritable', `${message}: make a key with tabseed keygen`, { cause });
    }
  }
  return { pem: await readKey(developmentFile), developmentFile };
}

async function readKey(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((cause: unknown) => {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new CliError('key-unreadable', `the key ${file} cannot be read (${reason}): make one with tabseed keygen`, {
      cause,
    });
  });
}
