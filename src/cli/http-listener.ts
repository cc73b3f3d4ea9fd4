import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

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

/** Starts and stops one HTTP server. */
export class HttpListener {
  readonly #server: Server;
  /** Connections without a request: `closeIdleConnections` leaves out those that never had one, as browsers open ahead. */
  readonly #idle = new Set<Socket>();
  #draining = false;

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#idle.add(socket);
      socket.once('close', () => this.#idle.delete(socket));
    });
    server.prependListener('request', (request, response) => {
      const { socket } = request;
      this.#idle.delete(socket);
      if (this.#draining) response.setHeader('Connection', 'close');
      response.once('close', () => {
        if (this.#draining) socket.destroySoon();
        else if (!socket.destroyed) this.#idle.add(socket);
      });
    });
  }

  /** @returns the port, also where 0 was asked for. @throws ListenError */
  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error) => reject(listenError(port, host, cause));
      this.#server.once('error', onError);
      this.#server.listen(port, host, () => {
        this.#server.off('error', onError);
        resolve();
      });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * Accepts nothing new, lets responses under way end, cuts off what takes longer than five seconds.
   *
   * @param closeUpgraded Ends the WebSockets of this server. They count as idle here (a listener for upgrades would make
   *   Node hand all of them over), so it comes first.
   */
  async drain(closeUpgraded: () => Promise<void>): Promise<void> {
    this.#draining = true;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    const cutOff = setTimeout(() => this.#server.closeAllConnections(), DRAIN_MS);
    await closeUpgraded();
    for (const socket of this.#idle) socket.destroy();
    await closed;
    clearTimeout(cutOff);
  }
}

function listenError(port: number, host: string, cause: Error): ListenError {
  const errno = 'code' in cause ? String(cause.code) : cause.message;
  return errno === 'EADDRINUSE'
    ? new ListenError('port-taken', `port ${port} on ${host} is taken: choose another with --port`, { cause })
    : new ListenError('port-refused', `cannot listen on ${host} port ${port} (${errno}): choose others`, { cause });
}

/** `http://host:port`, with the brackets that an IPv6 address needs and a host that a browser can open. */
export function listenUrl(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
