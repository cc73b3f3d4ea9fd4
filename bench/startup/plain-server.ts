import { createReadStream } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.ttf': 'font/ttf',
};

/** A folder over HTTP, with one Cache-Control for all but pages; `extra` files are in memory. */
export class PlainServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(
    folder: string,
    cacheControl: string,
    extra: ReadonlyMap<string, string> = new Map(),
  ): Promise<PlainServer> {
    const server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://origin').pathname;
      const file = path === '/' ? '/index.html' : path;
      response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
      response.setHeader('Cache-Control', file.endsWith('.html') || extra.has(file) ? 'no-cache' : cacheControl);
      const text = extra.get(file);
      if (text !== undefined) response.end(text);
      else {
        createReadStream(join(folder, file))
          .once('error', () => response.writeHead(404).end())
          .pipe(response);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new PlainServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
