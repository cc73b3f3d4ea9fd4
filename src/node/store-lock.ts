import { createHash, randomUUID } from 'node:crypto';
import { mkdir, realpath, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodePeerError } from './errors.ts';

/** The path of a Unix socket fits into 104 bytes on macOS, 108 on Linux. */
const MAX_SOCKET_PATH_BYTES = 100;
/** Somebody else may be taking over a stale lock at the same time; then the next look finds it held. */
const ATTEMPTS = 5;

/**
 * One process per store. The lock is a socket that listens: it ends with its process, however that ends. A file with a
 * process id would outlive `kill -9`, and that id may by then be another's; in a container it is the same at each start.
 */
export class StoreLock {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws NodePeerError `store-locked` */
  static async take(folder: string): Promise<StoreLock> {
    await mkdir(folder, { recursive: true });
    const path = socketPath(await realpath(folder));
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const server = await listen(path);
      if (server !== undefined) return new StoreLock(server);
      if ((await isHeld(path)) || !(await removeStale(path))) break;
    }
    throw new NodePeerError('store-locked', `another seed works with ${folder}: stop it, or choose another --store`);
  }

  release(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

function socketPath(folder: string): string {
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 32);
  if (process.platform === 'win32') return `\\\\.\\pipe\\tabseed-${hash}`;
  const path = join(folder, 'lock');
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES ? path : join(tmpdir(), `tabseed-${hash}.lock`);
}

/** `undefined` when there is such a socket, alive or not. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else
        reject(
          new NodePeerError('store-locked', `the lock ${path} cannot be made: ${error.message}`, { cause: error }),
        );
    });
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

function isHeld(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(path);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}

/** False when what was moved aside proves to be alive: another process took the stale lock over first. It is put back. */
async function removeStale(path: string): Promise<boolean> {
  const aside = `${path}.${randomUUID().slice(0, 4)}`;
  try {
    await rename(path, aside);
  } catch {
    // Another process has moved it aside: try again.
    return true;
  }
  if (await isHeld(aside)) {
    await rename(aside, path);
    return false;
  }
  await rm(aside, { force: true });
  return true;
}
