import type { Log } from '../core/ports.ts';
import type { RecordStore } from '../platform/idb-database.ts';

/** Small values that outlive this worker. Without a database they last as long as it does; nothing else changes. */
export class Records {
  readonly #store: Pick<RecordStore, 'get' | 'set'>;
  readonly #log: Log;

  constructor(store: Pick<RecordStore, 'get' | 'set'>, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** Untrusted, like everything from a disk. Never rejects: `undefined` when there is none, or no database. */
  async read(key: string): Promise<unknown> {
    try {
      return await this.#store.get(key);
    } catch (error) {
      this.#log.debug('record-not-read', { key, error });
      return undefined;
    }
  }

  /** All or nothing, on disk when the promise resolves. Never rejects. */
  async write(entries: Readonly<Record<string, unknown>>): Promise<void> {
    try {
      await this.#store.set(entries);
    } catch (error) {
      this.#log.debug('record-not-written', { keys: Object.keys(entries), error });
    }
  }
}
