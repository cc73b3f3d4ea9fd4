import type { CancelTimer, Clock } from '../core/ports.ts';
import type { WorkerStatus } from '../protocol/bridge-message.ts';
import { FIGURES_RECORD, type FiguresRecord, MAX_UNUSED_MS } from '../protocol/figures-record.ts';
import type { ReleasePath } from '../protocol/release-path.ts';
import { addTraffic, decodeTraffic, noTraffic, type Traffic } from '../protocol/traffic.ts';
import type { Records } from './records.ts';

/** What eyes can follow; more would only wake tabs. */
const PUBLISH_INTERVAL_MS = 200;
/** A worker that dies loses at most the count of one second. */
const SAVE_DELAY_MS = 1000;

/**
 * What the tabs are told: totals over all lives of the worker, and the state of this one. With the totals it keeps which
 * files are in use, for the leader, who lets go of others (`client/cache-policy.ts`).
 */
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
  /** When each file was last wanted. */
  readonly #used = new Map<ReleasePath, number>();
  #cancelPublish: CancelTimer | undefined;
  #cancelSave: CancelTimer | undefined;

  constructor(clock: Clock, records: Records, publish: (status: WorkerStatus) => void) {
    this.#clock = clock;
    this.#records = records;
    this.#publish = publish;
  }

  /** Adds what earlier lives of the worker have counted. Never rejects. */
  async open(): Promise<void> {
    try {
      const saved = (await this.#records.read(FIGURES_RECORD)) as FiguresRecord;
      addTraffic(this.#traffic, decodeTraffic(saved));
      for (const [path, atMs] of saved.used) if (atMs > Date.now() - MAX_UNUSED_MS) this.#used.set(path, atMs);
    } catch {
      // None yet, of another version, or damaged: figures alone, they begin anew.
    }
  }

  addTraffic(delta: Traffic): void {
    addTraffic(this.#traffic, delta);
    this.#saveLater();
    this.#changed();
  }

  /** A page wants it. */
  noteUse(path: ReleasePath): void {
    this.#used.set(path, Date.now());
    this.#saveLater();
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

  #saveLater(): void {
    this.#cancelSave ??= this.#clock.after(SAVE_DELAY_MS, () => {
      this.#cancelSave = undefined;
      void this.#records.write({ [FIGURES_RECORD]: { ...this.#traffic, used: this.#used } });
    });
  }
}
