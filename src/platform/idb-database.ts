import { promisifyRequest, type UseStore } from 'idb-keyval';
import type { ChunkStore, StoredChunk } from '../core/ports.ts';
import { type StorageOwner, storageName } from '../protocol/browser-names.ts';
import { ENCODINGS, type Encoding } from '../protocol/encoding.ts';
import { isSha256 } from '../protocol/identifier.ts';
import { deleteDatabase, IdbConnection } from './idb-connection.ts';

/** Small values that must survive together: the pointer, the manifests, what is active. */
export interface RecordStore {
  get(key: string): Promise<unknown>;
  /** One transaction, on disk when the promise resolves. */
  set(entries: Readonly<Record<string, unknown>>): Promise<void>;
}

/** All that one app keeps in a browser. Every call may reject with StoreError. */
export interface BrowserDatabase {
  readonly chunks: ChunkStore;
  readonly records: RecordStore;
  close(): Promise<void>;
}

const CHUNKS = 'chunks';
const RECORDS = 'records';

/** Opens lazily, with the first call of a store. Works in pages and workers. */
export function openBrowserDatabase(owner: StorageOwner): BrowserDatabase {
  const connection = new IdbConnection(storageName(owner), [CHUNKS, RECORDS]);
  const close = (): Promise<void> => connection.close();
  return { chunks: idbChunks(connection, close), records: idbRecords(connection), close };
}

/** Resolves when it is gone, or goes as soon as somebody else lets it go. Never rejects. */
export function deleteBrowserDatabase(owner: StorageOwner): Promise<void> {
  return deleteDatabase(storageName(owner));
}

function idbChunks(connection: IdbConnection, close: () => Promise<void>): ChunkStore {
  // `relaxed`: a chunk that a power cut takes is fetched again, and waiting for the disk halves the rate.
  const use = connection.store(CHUNKS, 'relaxed');
  return {
    list: async () => (await use('readonly', (store) => promisifyRequest(store.getAllKeys()))).filter(isSha256),
    get: (ids) =>
      use('readonly', (store) =>
        Promise.all(ids.map(async (id) => asStoredChunk(await promisifyRequest<unknown>(store.get(id))))),
      ),
    put: (chunks) =>
      write(
        use,
        [...chunks].map(([id, chunk]): Entry => [id, trimmed(chunk)]),
      ),
    delete: (ids) => remove(use, ids),
    close,
  };
}

function idbRecords(connection: IdbConnection): RecordStore {
  // A worker that was retired while pages were open is started once more for each of them: it must leave no trace.
  const use = connection.store(RECORDS, 'strict', true);
  return {
    get: (key) => use('readonly', (store) => promisifyRequest<unknown>(store.get(key))),
    set: (entries) => write(use, Object.entries(entries)),
  };
}

type Entry = readonly [key: string, value: unknown];

// Not idb-keyval's `setMany` and the like: each brings along the opener of a database that nobody here opens.
function write(use: UseStore, entries: readonly Entry[]): Promise<void> {
  return use('readwrite', (store) => {
    for (const [key, value] of entries) store.put(value, key);
    return promisifyRequest(store.transaction);
  });
}

function remove(use: UseStore, keys: readonly string[]): Promise<void> {
  return use('readwrite', (store) => {
    for (const key of keys) store.delete(key);
    return promisifyRequest(store.transaction);
  });
}

/** A structured clone of a view takes its whole buffer along: a few bytes of frame header are cheaper than a copy. */
const MAX_EXTRA_BYTES = 1024;

function trimmed({ encoding, bytes }: StoredChunk): StoredChunk {
  const extraBytes = bytes.buffer.byteLength - bytes.byteLength;
  return { encoding, bytes: extraBytes > MAX_EXTRA_BYTES ? bytes.slice() : bytes };
}

/** Another version of Tabseed may have written it: what is not a chunk is not there. */
function asStoredChunk(value: unknown): StoredChunk | undefined {
  const { encoding, bytes } = Object(value) as { encoding?: unknown; bytes?: unknown };
  if (!ENCODINGS.includes(encoding as Encoding) || !(bytes instanceof Uint8Array)) return undefined;
  return { encoding: encoding as Encoding, bytes };
}
