import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createSignalServer,
  isSignalUrl,
  type SignalServer,
  type SignalServerOptions,
} from '../signal-server/index.ts';
import { HttpListener, listenUrl } from './http-listener.ts';
import type { RunningServer } from './start-server.ts';

export interface LoneSignalServerOptions extends SignalServerOptions {
  /** @default 0: any free port */
  readonly port?: number;
  /** @default 127.0.0.1 */
  readonly host?: string;
}

/**
 * The signaling server alone, with `/healthz` for load balancers: 200 with counts, or 503 while it stops.
 *
 * @throws ListenError
 */
export async function startSignalServer(
  options: LoneSignalServerOptions = {},
): Promise<RunningServer & { readonly signal: SignalServer }> {
  const { port = 0, host = '127.0.0.1', ...signalOptions } = options;
  let closed: Promise<void> | undefined;
  const http = createServer((request, response) => answer(request, response, signal, closed !== undefined));
  const listener = new HttpListener(http);
  const boundPort = await listener.listen(port, host);
  const signal = createSignalServer(signalOptions);
  signal.attach(http);
  return {
    url: listenUrl(host, boundPort),
    port: boundPort,
    signal,
    close() {
      closed ??= listener.drain(() => signal.close());
      return closed;
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse, signal: SignalServer, stopping: boolean): void {
  const url = request.url ?? '/';
  response.setHeader('Cache-Control', 'no-store');
  if (url.split('?', 1)[0] === '/healthz') {
    response.setHeader('Content-Type', 'application/json');
    response.statusCode = stopping ? 503 : 200;
    response.end(JSON.stringify({ status: stopping ? 'stopping' : 'ok', ...signal.stats() }));
    return;
  }
  response.statusCode = isSignalUrl(url) ? 426 : 404;
  if (response.statusCode === 426) response.setHeader('Upgrade', 'websocket');
  response.end();
}
