import type { RecordStore } from '../platform/idb-database.ts';

/** Small values that outlive this worker, where there is a database that works. */
export class Records {
  readonly #store: Pick<RecordStore, 'get' | 'set'>;

  constructor(store: Pick<RecordStore, 'get' | 'set'>) {
    this.#store = store;
  }

  /** Untrusted, like everything from a disk. Never rejects: `undefined` when there is none, or no database. */
  async read(key: string): Promise<unknown> {
    try {
      return await this.#store.get(key);
    } catch {
      return undefined;
    }
  }

  /** All or nothing, on disk when the promise resolves. Never rejects. */
  async write(entries: Readonly<Record<string, unknown>>): Promise<void> {
    try {
      await this.#store.set(entries);
    } catch {
      // It lasts as long as this worker then.
    }
  }
}
