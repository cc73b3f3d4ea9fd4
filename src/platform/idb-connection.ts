import type { UseStore } from 'idb-keyval';
import { StoreError } from '../core/errors.ts';

/** An open takes milliseconds; in some private modes and behind a stuck upgrade it never answers. */
const OPEN_LIMIT_MS = 5000;
const VERSION = 1;

/**
 * One database with several object stores, each given to idb-keyval's functions as a `UseStore`. idb-keyval's own opener
 * makes one database for each store, cannot ask for durability, and does not come back from a lost connection.
 */
export class IdbConnection {
  readonly #name: string;
  readonly #storeNames: readonly string[];
  #database: Promise<IDBDatabase> | undefined;
  #isClosed = false;

  constructor(name: string, storeNames: readonly string[]) {
    this.#name = name;
    this.#storeNames = storeNames;
  }

  /**
   * Whatever fails becomes a StoreError. A lost connection is opened again, once for each operation. A callback makes all
   * its requests before it returns.
   *
   * @param onlyWritesCreate reading rejects when there is no database yet, instead of making one
   */
  store(storeName: string, durability: IDBTransactionDurability, onlyWritesCreate = false): UseStore {
    return async (mode, callback) => {
      const mayCreate = !onlyWritesCreate || mode === 'readwrite';
      const run = () => this.#run(storeName, mode, durability, mayCreate, callback);
      try {
        return await run().catch((error: unknown) => {
          if (!isLostConnection(error) || this.#isClosed) throw error;
          this.#database = undefined;
          return run();
        });
      } catch (error) {
        throw asStoreError(error);
      }
    };
  }

  /** Transactions under way still finish. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const database = await this.#database?.catch(() => undefined); // It never opened: nothing to close.
    database?.close();
  }

  async #run<T>(
    storeName: string,
    mode: IDBTransactionMode,
    durability: IDBTransactionDurability,
    mayCreate: boolean,
    callback: (store: IDBObjectStore) => T | PromiseLike<T>,
  ): Promise<T> {
    const database = await this.#open(mayCreate);
    const transaction = database.transaction(storeName, mode, { durability });
    const aborted = new Promise<StoreError>((resolve) => {
      transaction.addEventListener('abort', () => resolve(asStoreError(transaction.error)));
    });
    try {
      const result = callback(transaction.objectStore(storeName));
      // Else it stays open until this thread has handled the answers: a tab that hangs would hold up all others.
      transaction.commit();
      return await result;
    } catch (error) {
      // A failed request rejects idb-keyval's promise before the transaction knows its reason: that comes with `abort`.
      if (error === null) throw await aborted;
      abort(transaction);
      throw error;
    }
  }

  #open(mayCreate: boolean): Promise<IDBDatabase> {
    if (this.#isClosed) return Promise.reject(new StoreError('store-unavailable', 'the database was closed'));
    if (this.#database !== undefined) return this.#database;
    const forget = (): void => {
      if (this.#database === opening) this.#database = undefined;
    };
    const opening = openDatabase(this.#name, mayCreate ? this.#storeNames : undefined, forget).then((database) => {
      // Safari closes connections of background tabs.
      database.onclose = forget;
      // Somebody deletes the database: hold up nobody.
      database.onversionchange = () => {
        forget();
        database.close();
      };
      return database;
    });
    this.#database = opening;
    return opening;
  }
}

/**
 * @param storeNames `undefined`: a database that does not exist is not made, and the promise rejects.
 * @param onFailed called when the browser has answered a failed open, so that another one may fare better. While it is
 *   stuck it stays failed: else every page would wait for it, again and again.
 */
function openDatabase(
  name: string,
  storeNames: readonly string[] | undefined,
  onFailed: () => void,
): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    // Reading it throws where the browser blocks storage: then the promise rejects.
    const request = indexedDB.open(name, VERSION);
    const timer = setTimeout(() => {
      reject(new StoreError('store-unavailable', `the database did not open in ${OPEN_LIMIT_MS} ms`));
      request.onsuccess = () => {
        request.result.close();
        onFailed();
      };
    }, OPEN_LIMIT_MS);
    request.onupgradeneeded = () => {
      if (storeNames === undefined) request.transaction?.abort();
      else for (const storeName of storeNames) request.result.createObjectStore(storeName);
    };
    request.onsuccess = () => {
      clearTimeout(timer);
      resolve(request.result);
    };
    request.onerror = () => {
      clearTimeout(timer);
      reject(asStoreError(request.error));
      onFailed();
    };
  });
}

/** Resolves when it is gone, or goes as soon as others let it go. Never rejects. */
export function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = request.onerror = request.onblocked = () => resolve();
  });
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    // It has ended already; otherwise what was put before the failure would be committed.
  }
}

/** InvalidStateError: closed before the transaction. AbortError and UnknownError: closed during it. */
function isLostConnection(error: unknown): boolean {
  return /^(?:InvalidState|Abort|Unknown)Error$/.test(String((Object(error) as { readonly name?: unknown }).name));
}

function asStoreError(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  // In recent browsers QuotaExceededError is a class of its own; the name has stayed.
  if (cause instanceof Error && cause.name === 'QuotaExceededError') {
    return new StoreError('store-full', 'the browser gives no more space', { cause });
  }
  return new StoreError('store-unavailable', `IndexedDB failed: ${String(cause)}`, { cause });
}
