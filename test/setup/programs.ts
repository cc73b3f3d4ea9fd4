import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const APT_TIMEOUT_MS = 10 * 60_000;

interface Program {
  /** Environment variable that names the executable and beats every other way. */
  readonly variable: string;
  /** Names to look for on the PATH, best first. */
  readonly names: readonly string[];
  /** Package of Debian and Ubuntu that brings it. */
  readonly debianPackage: string;
  /** Where else it may be: a path that need not exist. */
  readonly elsewhere?: () => string;
}

export const REDIS: Program = {
  variable: 'TABSEED_REDIS_SERVER',
  names: ['redis-server', 'valkey-server'],
  debianPackage: 'redis-server',
};

export function findProgram(program: Program): string | undefined {
  const named = process.env[program.variable];
  if (named) {
    if (!isExecutable(named)) throw new Error(`${program.variable} is not an executable file: ${named}`);
    return named;
  }
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = program.names.flatMap((name) => folders.map((folder) => join(folder, name)));
  const elsewhere = program.elsewhere?.();
  if (elsewhere) candidates.push(elsewhere);
  return candidates.find(isExecutable);
}

/** Finds the program, or installs it on Debian and Ubuntu as root or with passwordless sudo; else says what to do. */
export function ensureProgram(program: Program): string {
  const found = findProgram(program) ?? (installWithApt(program.debianPackage) ? findProgram(program) : undefined);
  if (found) return found;
  const { names, debianPackage, variable } = program;
  throw new Error(
    `Missing ${names[0]}: install it (Debian, Ubuntu: apt-get install ${debianPackage}) or set ${variable} to its path.`,
  );
}

function installWithApt(debianPackage: string): boolean {
  const prefix = aptPrefix();
  if (!prefix) return false;
  console.log(`Installing ${debianPackage} with apt-get …`);
  return (
    succeeds([...prefix, 'apt-get', 'update', '-q']) &&
    succeeds([...prefix, 'apt-get', 'install', '-q', '-y', '--no-install-recommends', debianPackage])
  );
}

function aptPrefix(): string[] | undefined {
  if (!findProgram({ variable: '', names: ['apt-get'], debianPackage: 'apt' })) return undefined;
  const noQuestions = ['env', 'DEBIAN_FRONTEND=noninteractive'];
  if (process.getuid?.() === 0) return noQuestions;
  return succeeds(['sudo', '-n', 'true']) ? ['sudo', '-n', ...noQuestions] : undefined;
}

function succeeds([command, ...rest]: string[]): boolean {
  if (command === undefined) return false;
  return spawnSync(command, rest, { stdio: ['ignore', 'ignore', 'inherit'], timeout: APT_TIMEOUT_MS }).status === 0;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Missing and forbidden are the same to us: look further.
  }
}
