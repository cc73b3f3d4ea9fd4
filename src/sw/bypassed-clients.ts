import type { Records } from './records.ts';

const RECORD = 'bypassed-clients';
/** More pages than anybody has open with the switch in their URL. */
const MAX_CLIENTS = 100;

/**
 * The pages that were opened with `?tabseed=off` or loaded a document of another release before there was a worker, and
 * their workers: recorded, as they outlive this worker.
 */
export class BypassedClients {
  readonly #records: Records;
  readonly #opened: Promise<void>;
  #ids: readonly string[] = [];

  constructor(records: Records) {
    this.#records = records;
    this.#opened = this.#open();
  }

  /** Resolves when what earlier lives of the worker have recorded is read. */
  open(): Promise<void> {
    return this.#opened;
  }

  has(client: string): boolean {
    return this.#ids.includes(client);
  }

  async add(client: string): Promise<void> {
    if (client === '' || this.has(client)) return;
    this.#ids = [...this.#ids, client];
    // Not before the record is read: it would be lost.
    await this.#opened;
    await this.#records.write({ [RECORD]: this.#ids });
  }

  async #open(): Promise<void> {
    const saved = await this.#records.read(RECORD);
    if (!Array.isArray(saved)) return;
    const known = saved.filter((id): id is string => typeof id === 'string');
    this.#ids = [...known.slice(-MAX_CLIENTS), ...this.#ids];
  }
}
