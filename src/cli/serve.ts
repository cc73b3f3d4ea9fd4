import type { Command } from 'commander';
import type { IceServer } from '../protocol/signal-message.ts';
import { parseIce, parsePort } from './listen-options.ts';
import { startServer } from './start-server.ts';
import { termination } from './termination.ts';

interface ServeOptions {
  readonly port: number;
  readonly host: string;
  readonly signal: boolean;
  readonly ice: readonly IceServer[];
  readonly trustProxy: boolean;
  readonly json: boolean;
}

/** Adds `tabseed serve`. */
export function registerServe(program: Command): void {
  program
    .command('serve')
    .description('serve a published folder, with signaling at /tabseed/signal on the same port')
    .argument('<out>', 'the folder that `tabseed publish` wrote')
    .option('--port <number>', 'port to listen on, 0 for any free one', parsePort, 8080)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--no-signal', 'static files only')
    .option('--ice <url>', 'STUN or TURN server for peers, may be repeated', parseIce, [])
    .option('--trust-proxy', 'take client addresses from X-Forwarded-For', false)
    .option('--json', 'print one line of JSON when it listens', false)
    .action(serve);
}

async function serve(out: string, options: ServeOptions): Promise<void> {
  const server = await startServer({
    root: out,
    port: options.port,
    host: options.host,
    signal: options.signal ? { iceServers: options.ice, trustProxy: options.trustProxy } : false,
    onError: (error) => console.error(`tabseed: ${error instanceof Error ? error.message : String(error)}`),
  });
  const { url, port } = server;
  console.log(options.json ? JSON.stringify({ url, port, signal: options.signal }) : `${url}/  (Ctrl+C stops it)`);
  await termination();
  await server.close();
}
