import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A line of a given length to a server: every byte, of signaling too, takes half a round trip in each direction. */
export class LatentLine {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#server = server;
  }

  static async open(target: string, roundTripMs: number): Promise<LatentLine> {
    const { hostname, port } = new URL(target);
    const server = createServer((near) => line.#join(near, connect(Number(port), hostname), roundTripMs / 2));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const line = new LatentLine(server);
    return line;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket, far: Socket, delayMs: number): void {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay();
      from.on('data', (bytes) => setTimeout(() => to.write(bytes), delayMs));
      from.on('end', () => setTimeout(() => to.end(), delayMs));
      // A reset, as of a browser that is closed: `close` follows.
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#sockets.delete(from);
        setTimeout(() => to.destroy(), delayMs);
      });
    }
  }
}
