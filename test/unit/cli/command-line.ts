import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { vi } from 'vitest';
import { createProgram, runProgram } from '../../../src/cli/exit.ts';

export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const TSX = createRequire(import.meta.url).resolve('tsx');
/** The command itself. */
export const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

/** Runs a program as a shell does, without a terminal. */
export async function run(
  program: string,
  commandLine: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const { TABSEED_KEY: _, SOURCE_DATE_EPOCH: __, ...inherited } = process.env;
  const child = spawn(process.execPath, ['--import', TSX, program, ...commandLine], {
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { exitCode, stdout, stderr };
}

/** Runs one subcommand in this process: a second faster, which is much when there are many. */
export async function runHere(
  register: (program: Command) => void,
  commandLine: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const written = { stdout: '', stderr: '' };
  const capture = (name: 'stdout' | 'stderr') =>
    vi.spyOn(process[name], 'write').mockImplementation((part) => {
      written[name] += String(part);
      return true;
    });
  const spies = [capture('stdout'), capture('stderr')];
  vi.stubEnv('TABSEED_KEY', undefined);
  vi.stubEnv('SOURCE_DATE_EPOCH', undefined);
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  try {
    const program = createProgram();
    register(program);
    const exitCode = await runProgram(program, commandLine);
    return { exitCode, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
    vi.unstubAllEnvs();
  }
}
