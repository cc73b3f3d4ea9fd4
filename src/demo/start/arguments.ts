import { parseArgs } from 'node:util';

export interface DemoArguments {
  /** `undefined`: the usual port, or the next free one after it. */
  readonly port: number | undefined;
  readonly host: string;
  readonly seed: boolean;
  readonly help: boolean;
}

export const USAGE = `Usage: npm start -- [options]

Publishes the Monaco editor in a small page, serves it with signaling, and starts a Node seed.

  --port <number>   port to listen on, 0 for any free one (default: 8080, or the next free one)
  --host <address>  address to listen on (default: 127.0.0.1). The demo is signed with a development key: on
                    other addresses than this machine's own its page loads without Tabseed
  --no-seed         no Node seed: the first browser loads from the origin
  --help            this text
`;

const LAST_PORT = 65_535;

/** The command was not understood; the message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError */
export function parseDemoArguments(args: readonly string[]): DemoArguments {
  const values = parsed(args);
  return {
    port: values.port === undefined ? undefined : portOf(values.port),
    host: values.host ?? '127.0.0.1',
    seed: values.seed ?? true,
    help: values.help ?? false,
  };
}

function parsed(args: readonly string[]) {
  try {
    const options = {
      port: { type: 'string' },
      host: { type: 'string' },
      seed: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    } as const;
    return parseArgs({ args: [...args], options, allowNegative: true }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > LAST_PORT) throw new UsageError(`--port ${text} is no port number`);
  return port;
}
