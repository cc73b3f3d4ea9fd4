import type { Command } from 'commander';
import { pino } from 'pino';
import type { IceServer } from '../protocol/signal-message.ts';
import { SIGNAL_PATH } from '../protocol/signal-message.ts';
import { parseIce, parsePort } from './listen-options.ts';
import { startSignalServer } from './start-signal-server.ts';
import { termination } from './termination.ts';

interface SignalOptions {
  readonly port: number;
  readonly host: string;
  readonly ice: readonly IceServer[];
  readonly trustProxy: boolean;
  readonly json: boolean;
}

/** Adds `tabseed signal`. */
export function registerSignal(program: Command): void {
  program
    .command('signal')
    .description('run the signaling server alone, with a health check at /healthz')
    .option('--port <number>', 'port to listen on, 0 for any free one', parsePort, 8081)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--ice <url>', 'STUN or TURN server for peers, may be repeated', parseIce, [])
    .option('--trust-proxy', 'take client addresses from X-Forwarded-For', false)
    .option('--json', 'log lines of JSON, also for connections that were refused or dropped', false)
    .action(signal);
}

async function signal(options: SignalOptions): Promise<void> {
  const log = pino({ enabled: options.json, base: null });
  const server = await startSignalServer({
    port: options.port,
    host: options.host,
    iceServers: options.ice,
    trustProxy: options.trustProxy,
    onEvent: (event) => log.warn(event, event.type),
  });
  const url = `${server.url.replace(/^http/, 'ws')}/${SIGNAL_PATH}`;
  if (options.json) log.info({ url, port: server.port }, 'listening');
  else console.log(`${url}  (Ctrl+C stops it)`);
  log.info({ signal: await termination() }, 'stopping');
  await server.close();
  log.info('stopped');
}
