import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export type ListenErrorCode =
  /** Another program listens there. */
  | 'port-taken'
  /** The system does not let us: a low port, or an address that is not of this machine. */
  | 'port-refused';

/** The server could not start to listen. The message is one line and says what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: ListenErrorCode;

  constructor(code: ListenErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  shouldRetry(): boolean {
    return this.code === 'port-taken';
  }
}

/** Downloads under way may finish; a stopped service is killed by common supervisors 10 s after SIGTERM. */
const DRAIN_MS = 5_000;

/** @returns the port, also where 0 was asked for. @throws ListenError */
export async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const onError = (cause: Error) => reject(listenError(port, host, cause));
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}

function listenError(port: number, host: string, cause: Error): ListenError {
  const errno = 'code' in cause ? String(cause.code) : cause.message;
  return errno === 'EADDRINUSE'
    ? new ListenError('port-taken', `port ${port} on ${host} is taken: choose another with --port`, { cause })
    : new ListenError('port-refused', `cannot listen on ${host} port ${port} (${errno}): choose others`, { cause });
}

/** Accepts nothing new, lets responses under way end, cuts off what takes longer than five seconds. */
export async function drain(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // A connection that was busy at the first sweep is kept alive by its client afterwards.
  server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'));
  const cutOff = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  try {
    await closed;
  } finally {
    clearTimeout(cutOff);
    clearInterval(sweep);
  }
}

/** How soon a connection that became idle while draining is closed. */
const SWEEP_MS = 50;

/** `http://host:port`, with the brackets that an IPv6 address needs and a host that a browser can open. */
export function listenUrl(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
