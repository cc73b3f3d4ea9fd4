import type { Records } from './records.ts';

const RECORD = 'pins';
/**
 * A page in the back/forward cache is in no list of clients, and comes back with the id that it had: it has an hour for
 * that. Pages tell that they are here each 37 minutes at least.
 */
const ABSENCE_MS = 100 * 60 * 1000;

/** In place of a sequence: the page and its workers go to the network, as if there were no worker. */
export const NO_RELEASE = 0;

type Pin = readonly [sequence: number, seenMs: number];

/** Which release each page, frame and worker has begun with: recorded, as they outlive this worker. */
export class Pins {
  readonly #records: Records;
  /** Resolves when what earlier lives of the worker have recorded is read. */
  readonly opened: Promise<void>;
  #pins = new Map<string, Pin>();

  constructor(records: Records) {
    this.#records = records;
    this.opened = this.#open();
  }

  /** A sequence, NO_RELEASE, or `undefined` for a client that is not known. */
  get(client: string | undefined): number | undefined {
    return this.#pins.get(client as string)?.[0];
  }

  /** Says, too, that the client is here. */
  async set(client: string, sequence: number): Promise<void> {
    if (client === '') return;
    this.#pins.set(client, [sequence, Date.now()]);
    // Not before the record is read: it would be lost.
    await this.opened;
    await this.#records.write({ [RECORD]: this.#pins });
  }

  /** `present` are here now; who was not for long is forgotten. Resolves with the sequences that are pinned. */
  refresh(present: readonly { readonly id: string }[]): ReadonlySet<number> {
    const now = Date.now();
    const here = new Set(present.map(({ id }) => id));
    for (const [id, [sequence, seenMs]] of this.#pins) {
      if (here.has(id)) this.#pins.set(id, [sequence, now]);
      // A clock that was set back keeps a pin for longer; it does no harm.
      else if (now - seenMs >= ABSENCE_MS) this.#pins.delete(id);
    }
    return new Set([...this.#pins.values()].map(([sequence]) => sequence));
  }

  async #open(): Promise<void> {
    const saved = await this.#records.read(RECORD);
    if (saved instanceof Map) this.#pins = new Map([...(saved as ReadonlyMap<string, Pin>), ...this.#pins]);
  }
}
