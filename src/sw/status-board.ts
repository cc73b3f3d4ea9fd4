import type { CancelTimer, Clock } from '../core/ports.ts';
import type { WorkerStatus } from '../protocol/bridge-message.ts';
import { addTraffic, decodeTraffic, noTraffic, type Traffic } from '../protocol/traffic.ts';
import type { Records } from './records.ts';

/** What eyes can follow; more would only wake tabs. */
const PUBLISH_INTERVAL_MS = 200;
/** A worker that dies loses at most the count of one second. */
const SAVE_DELAY_MS = 1000;
const TRAFFIC_RECORD = 'traffic';

/** What the tabs are told: totals over all lives of the worker, and the state of this one. */
export class StatusBoard {
  readonly #clock: Clock;
  readonly #records: Records;
  readonly #publish: (status: WorkerStatus) => void;
  readonly #traffic: Traffic = noTraffic();
  /** A live view: whoever gets it by message gets a copy. */
  readonly current: WorkerStatus = {
    release: null,
    news: null,
    traffic: this.#traffic,
    peers: 0,
    leader: false,
  };
  #cancelPublish: CancelTimer | undefined;
  #cancelSave: CancelTimer | undefined;

  constructor(clock: Clock, records: Records, publish: (status: WorkerStatus) => void) {
    this.#clock = clock;
    this.#records = records;
    this.#publish = publish;
  }

  /** Adds what earlier lives of the worker have counted. Never rejects. */
  async open(): Promise<void> {
    const saved = await this.#records.read(TRAFFIC_RECORD);
    if (saved === undefined) return;
    try {
      addTraffic(this.#traffic, decodeTraffic(saved));
    } catch {
      // Of another version, or damaged: figures alone, they begin anew.
    }
  }

  addTraffic(delta: Traffic): void {
    addTraffic(this.#traffic, delta);
    this.#cancelSave ??= this.#clock.after(SAVE_DELAY_MS, () => void this.#save());
    this.#changed();
  }

  set(changes: Partial<Omit<WorkerStatus, 'traffic'>>): void {
    Object.assign(this.current, changes);
    this.#changed();
  }

  #changed(): void {
    this.#cancelPublish ??= this.#clock.after(PUBLISH_INTERVAL_MS, () => {
      this.#cancelPublish = undefined;
      this.#publish(this.current);
    });
  }

  async #save(): Promise<void> {
    this.#cancelSave = undefined;
    await this.#records.write({ [TRAFFIC_RECORD]: this.#traffic });
  }
}
