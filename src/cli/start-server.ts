import { createServer } from 'node:http';
import { createOriginServer, type OriginServerOptions } from '../origin-server/index.ts';
import { createSignalServer, type SignalServer, type SignalServerOptions } from '../signal-server/index.ts';
import { HttpListener, listenUrl } from './http-listener.ts';

export interface ServerOptions extends Omit<OriginServerOptions, 'signal'> {
  /** @default 0: any free port */
  readonly port?: number;
  /** @default 127.0.0.1 */
  readonly host?: string;
  /** Options of the signaling server on the same port, or `false` for none. @default {} */
  readonly signal?: SignalServerOptions | false;
}

export interface RunningServer {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly signal: SignalServer | undefined;
  /** Stops accepting, tells signaling clients, lets downloads end; resolves when the port is free. */
  close(): Promise<void>;
}

/**
 * The origin and the signaling server in one process on one port, as `tabseed serve` runs them.
 *
 * @throws OriginServerError, ListenError
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { port = 0, host = '127.0.0.1', signal: signalOptions = {}, ...originOptions } = options;
  const origin = await createOriginServer({ ...originOptions, signal: signalOptions !== false });
  const http = createServer(origin.handle);
  const listener = new HttpListener(http);
  const boundPort = await listener.listen(port, host);
  const signal = signalOptions === false ? undefined : createSignalServer(signalOptions);
  signal?.attach(http);
  let closed: Promise<void> | undefined;
  return {
    url: listenUrl(host, boundPort),
    port: boundPort,
    signal,
    close() {
      closed ??= listener.drain(async () => signal?.close());
      return closed;
    },
  };
}
