import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { PublishError } from '../publisher/index.ts';

const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_WRONG_USE = 2;

type CliErrorCode =
  /** SIGINT or SIGTERM came before the publish was complete. */
  | 'stopped'
  /** The file of a new key exists. */
  | 'key-exists'
  | 'key-unreadable'
  | 'key-unwritable'
  /** Something is wrong with a deployed app. */
  | 'status-failed'
  /** Something is wrong with a published folder. */
  | 'verify-failed';

/** A command cannot do what it was asked for; the message is one line and says what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: CliErrorCode;
  /** What `--json` prints beside the error. */
  readonly details: object | undefined;

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions & { details?: object }) {
    super(message, options);
    this.code = code;
    this.details = options?.details;
  }
}

/** The `tabseed` command, to which each subcommand adds itself. */
export function createProgram(): Command {
  return new Command('tabseed')
    .description("delivers a web app's files and updates from the browsers that already have them")
    .version(ownVersion())
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      outputError: (text, write) =>
        write(
          `tabseed: ${text
            .trim()
            .replace(/^error: /, '')
            .replaceAll('\n', ' ')
            .replace(/\.$/, '')}, see --help\n`,
        ),
    });
}

/** Runs one command line. @returns the exit code: 0 done, 1 failed, 2 wrong use. */
export async function runProgram(program: Command, commandLine: readonly string[]): Promise<number> {
  try {
    await program.parseAsync([...commandLine], { from: 'user' });
    return EXIT_OK;
  } catch (error) {
    // Commander has printed it.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_WRONG_USE;
    report(error, commandLine.includes('--json'));
    return error instanceof PublishError && error.code === 'option-invalid' ? EXIT_WRONG_USE : EXIT_FAILED;
  }
}

function report(error: unknown, json: boolean): void {
  const message = (error instanceof Error ? error.message : String(error)).replaceAll('\n', ' ');
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'internal';
  const details = error instanceof CliError ? error.details : undefined;
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message }, ...details })}\n`);
  process.stderr.write(`tabseed: ${message}\n`);
}

function ownVersion(): string {
  // Two folders up both in src/cli and in dist/cli.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
