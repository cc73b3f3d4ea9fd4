import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

interface HostedFile {
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly cacheControl: string;
}

/** What the tests read of `deploy.json`. */
export interface DeployJson {
  readonly sequence: number;
  readonly upload: readonly {
    readonly path: string;
    readonly step: number;
    readonly bytes: number;
    readonly contentType: string;
    readonly cacheControl: string;
  }[];
  readonly keep: readonly { readonly path: string; readonly bytes: number }[];
  readonly remove: readonly { readonly path: string; readonly after: number }[];
}

export async function readDeployJson(out: string): Promise<DeployJson> {
  return JSON.parse(await readFile(join(out, 'deploy.json'), 'utf8')) as DeployJson;
}

/** A bucket behind a web server that knows nothing of Tabseed: it has what was uploaded, one file after the other. */
export class StaticHost {
  readonly files = new Map<string, HostedFile>();
  /** `METHOD path` of every request so far. */
  readonly requests: string[] = [];
  /** Unknown paths get the home page with status 200, as for a single-page app. */
  turnsUnknownIntoPage = false;
  /** Sent with every answer, whatever was uploaded. */
  cacheControlOfAll: string | undefined;
  /** Answers of a cache in front of the bucket that did not hear of the upload. */
  readonly stale = new Map<string, HostedFile | undefined>();
  /** A status in place of the file, as of a host that is broken. */
  status: (method: string, path: string) => number | undefined = () => undefined;
  /** With a slash at its end. */
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    this.#server = server;
  }

  static async open(): Promise<StaticHost> {
    const server = createServer((request, response) => host.#answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = new StaticHost(server);
    return host;
  }

  /** Uploads files of OUT, all of them in the listed order unless told otherwise. */
  async upload(out: string, paths?: readonly string[]): Promise<void> {
    const { upload } = await readDeployJson(out);
    const listed = new Map(upload.map((file) => [file.path, file]));
    for (const path of paths ?? listed.keys()) {
      const file = listed.get(path);
      if (file === undefined) throw new Error(`${path} is not in the upload list`);
      const { contentType, cacheControl } = file;
      this.files.set(path, { bytes: await readFile(join(out, path)), contentType, cacheControl });
    }
  }

  /** From now on the cache in front answers these paths with what the bucket has at this moment. */
  freeze(...paths: readonly string[]): void {
    for (const path of paths) this.stale.set(path, this.files.get(path));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = 'GET' } = request;
    const { pathname } = new URL(request.url ?? '/', 'http://host');
    const asked = decodeURIComponent(pathname).slice(1);
    const path = asked === '' || asked.endsWith('/') ? `${asked}index.html` : asked;
    this.requests.push(`${method} ${path}`);
    const status = this.status(method, path);
    const file = this.#fileAt(path);
    if (status !== undefined || file === undefined) {
      response.writeHead(status ?? 404, { 'Cache-Control': this.cacheControlOfAll ?? 'no-store' }).end();
      return;
    }
    response.setHeader('Content-Type', file.contentType);
    response.setHeader('Cache-Control', this.cacheControlOfAll ?? file.cacheControl);
    response.setHeader('Accept-Ranges', 'bytes');
    const body = this.#ranged(request, response, file.bytes);
    response.setHeader('Content-Length', body.length);
    response.end(method === 'HEAD' ? undefined : body);
  }

  #fileAt(path: string): HostedFile | undefined {
    const found = this.stale.has(path) ? this.stale.get(path) : this.files.get(path);
    return found ?? (this.turnsUnknownIntoPage ? this.files.get('index.html') : undefined);
  }

  #ranged(request: IncomingMessage, response: ServerResponse, bytes: Buffer): Buffer {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    if (first === undefined || last === undefined || Number(first) >= bytes.length) return bytes;
    const end = Math.min(Number(last), bytes.length - 1);
    response.statusCode = 206;
    response.setHeader('Content-Range', `bytes ${first}-${end}/${bytes.length}`);
    return bytes.subarray(Number(first), end + 1);
  }
}
