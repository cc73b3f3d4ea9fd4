import type { Log } from '../core/ports.ts';
import type { Records } from './worker-ports.ts';

const RECORD = 'bypassed-clients';
/** More pages than anybody has open with the switch in their URL. */
const MAX_CLIENTS = 100;

/** The pages that were opened with `?tabseed=off`, and their workers: recorded, as they outlive this worker. */
export class BypassedClients {
  readonly #records: Records;
  readonly #log: Log;
  #ids: readonly string[] = [];
  #opened: Promise<void> | undefined;

  constructor(ports: { readonly records: Records; readonly log: Log }) {
    this.#records = ports.records;
    this.#log = ports.log;
  }

  /** Reads what earlier lives of the worker have recorded. Never rejects. */
  open(): Promise<void> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  has(client: string): boolean {
    return this.#ids.includes(client);
  }

  async add(client: string): Promise<void> {
    if (client === '' || this.has(client)) return;
    this.#ids = [...this.#ids, client].slice(-MAX_CLIENTS);
    // Not before the record is read, which would be lost.
    await this.open();
    try {
      await this.#records.set({ [RECORD]: this.#ids });
    } catch (error) {
      // The page is bypassed for as long as this worker lives.
      this.#log.debug('bypass-not-kept', { error });
    }
  }

  async #open(): Promise<void> {
    try {
      const saved = await this.#records.get(RECORD);
      if (Array.isArray(saved)) this.#ids = [...saved.filter((id) => typeof id === 'string'), ...this.#ids];
    } catch (error) {
      this.#log.debug('bypass-record-refused', { error });
    }
  }
}
