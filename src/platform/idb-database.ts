import { delMany, get, getMany, keys, setMany } from 'idb-keyval';
import type { ChunkStore, StoredChunk } from '../core/ports.ts';
import { isSha256 } from '../protocol/identifier.ts';
import { IdbConnection } from './idb-connection.ts';

/** Small values that must survive together: the pointer, the manifests, what is active. */
export interface RecordStore {
  get(key: string): Promise<unknown>;
  /** One transaction, on disk when the promise resolves. */
  set(entries: Readonly<Record<string, unknown>>): Promise<void>;
  delete(keys: readonly string[]): Promise<void>;
}

/** All that one app keeps in a browser. Every call may reject with StoreError. */
export interface BrowserDatabase {
  readonly chunks: ChunkStore;
  readonly records: RecordStore;
  close(): Promise<void>;
}

interface DatabaseOwner {
  readonly app: string;
  /** The scope's URL: two apps on one host must not share chunks. */
  readonly scope: string;
}

function databaseName({ app, scope }: DatabaseOwner): string {
  return `tabseed ${app} ${scope}`;
}

const CHUNKS = 'chunks';
const RECORDS = 'records';

/** Opens lazily, with the first call of a store. Works in pages and workers. */
export function openBrowserDatabase(owner: DatabaseOwner): BrowserDatabase {
  const connection = new IdbConnection(databaseName(owner), [CHUNKS, RECORDS]);
  const close = (): Promise<void> => connection.close();
  return { chunks: idbChunks(connection, close), records: idbRecords(connection), close };
}

function idbChunks(connection: IdbConnection, close: () => Promise<void>): ChunkStore {
  // `relaxed`: a chunk that a power cut takes is fetched again, and waiting for the disk halves the rate.
  const store = connection.store(CHUNKS, 'relaxed');
  return {
    list: async () => (await keys(store)).filter(isSha256),
    get: async (ids) => (await getMany<unknown>([...ids], store)).map(asStoredChunk),
    put: (chunks) =>
      setMany(
        [...chunks].map(([id, chunk]): [string, StoredChunk] => [id, trimmed(chunk)]),
        store,
      ),
    delete: (ids) => delMany([...ids], store),
    close,
  };
}

function idbRecords(connection: IdbConnection): RecordStore {
  const store = connection.store(RECORDS, 'strict');
  return {
    get: (key) => get<unknown>(key, store),
    set: (entries) => setMany(Object.entries(entries), store),
    delete: (names) => delMany([...names], store),
  };
}

/** A structured clone of a view takes its whole buffer along: a few bytes of frame header are cheaper than a copy. */
const MAX_EXTRA_BYTES = 1024;

function trimmed({ encoding, bytes }: StoredChunk): StoredChunk {
  const extraBytes = bytes.buffer.byteLength - bytes.byteLength;
  return { encoding, bytes: extraBytes > MAX_EXTRA_BYTES ? bytes.slice() : bytes };
}

/** Another version of Tabseed may have written it: what is not a chunk is not there. */
function asStoredChunk(value: unknown): StoredChunk | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { encoding, bytes } = value as { encoding?: unknown; bytes?: unknown };
  if ((encoding !== 'identity' && encoding !== 'deflate-raw') || !(bytes instanceof Uint8Array)) return undefined;
  return { encoding, bytes };
}
