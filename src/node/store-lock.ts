import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readdir, realpath, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { NodePeerError } from './errors.ts';

/** The path of a Unix socket fits into 104 bytes on macOS, 108 on Linux; one that is moved aside gets five more. */
const MAX_SOCKET_PATH_BYTES = 98;
/** Somebody else may be taking over a stale lock at the same time; then the next look finds it held. */
const ATTEMPTS = 5;
/** A holder says at once who it is; one that says nothing is somebody else all the same. */
const ANSWER_MS = 1000;

/**
 * One process per store. The lock is a socket that listens: it ends with its process, however that ends. A file with a
 * process id would outlive `kill -9`, and that id may by then be another's; in a container it is the same at each start.
 *
 * A socket that nobody listens on is moved aside by whoever finds it. It may have been taken over a moment before, and
 * what is moved is then alive: it still counts, as whoever listens at the free place looks for such ones, and gives way.
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
      const id = randomUUID();
      const server = await listen(path, id);
      if (server !== undefined) {
        const lock = new StoreLock(server);
        if (!(await isHeldAside(path, id))) return lock;
        await lock.release();
        break;
      }
      if ((await holderOf(path)) !== undefined || !(await removeStale(path))) break;
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
function listen(path: string, id: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => {
      // Whoever asked may be gone already.
      connection.on('error', () => undefined);
      connection.end(id);
    });
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

/** What the process that listens there calls itself, which may be nothing; `undefined` when none does. */
function holderOf(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let isThere = false;
    let id = '';
    const connection = connect(path);
    connection.once('connect', () => {
      isThere = true;
    });
    connection.on('data', (data) => {
      id += String(data);
    });
    connection.setTimeout(ANSWER_MS, () => connection.destroy());
    connection.once('error', () => undefined);
    connection.once('close', () => resolve(isThere ? id : undefined));
  });
}

/** Whether another process than this one listens on a socket that was moved aside. What nobody listens on is deleted. */
async function isHeldAside(path: string, own: string): Promise<boolean> {
  const folder = dirname(path);
  // Windows has no such files.
  const names = await readdir(folder).catch(() => []);
  const aside = names.filter((name) => name.startsWith(`${basename(path)}.`)).map((name) => join(folder, name));
  const holders = await Promise.all(aside.map((place) => holderOf(place)));
  for (const [index, place] of aside.entries()) if (holders[index] === undefined) await rm(place, { force: true });
  return holders.some((holder) => holder !== undefined && holder !== own);
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
  const isAlive = (await holderOf(aside)) !== undefined;
  try {
    // Not over one that was made meanwhile. Where it stays aside, it counts there.
    if (isAlive) await link(aside, path);
    await rm(aside, { force: true });
  } catch {
    // Somebody is there, and will see this one and give way.
  }
  return !isAlive;
}
