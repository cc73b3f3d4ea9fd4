import type { CancelTimer, Clock, Log } from '../core/ports.ts';
import type { WorkerStatus } from '../protocol/bridge-message.ts';
import { addTraffic, decodeTraffic, noTraffic, type Traffic } from '../protocol/traffic.ts';
import type { Records } from './worker-ports.ts';

/** What eyes can follow; more would only wake tabs. */
const PUBLISH_INTERVAL_MS = 200;
/** A worker that dies loses at most the count of one second. */
const SAVE_DELAY_MS = 1000;
const TRAFFIC_RECORD = 'traffic';

/** What the tabs are told: totals over all lives of the worker, and the state of this one. */
export class StatusBoard {
  readonly #ports: { readonly clock: Clock; readonly records: Records; readonly log: Log };
  readonly #publish: (status: WorkerStatus) => void;
  readonly #traffic: Traffic = noTraffic();
  #release: WorkerStatus['release'] = null;
  #peers = 0;
  #hasLeader = false;
  #cancelPublish: CancelTimer | undefined;
  #cancelSave: CancelTimer | undefined;

  constructor(
    ports: { readonly clock: Clock; readonly records: Records; readonly log: Log },
    publish: (status: WorkerStatus) => void,
  ) {
    this.#ports = ports;
    this.#publish = publish;
  }

  get current(): WorkerStatus {
    return {
      release: this.#release,
      traffic: { plain: { ...this.#traffic.plain }, wire: { ...this.#traffic.wire } },
      peers: this.#peers,
      leader: this.#hasLeader,
    };
  }

  /** Adds what earlier lives of the worker have counted. Never rejects. */
  async open(): Promise<void> {
    try {
      const saved = await this.#ports.records.get(TRAFFIC_RECORD);
      if (saved !== undefined) addTraffic(this.#traffic, decodeTraffic(saved));
    } catch (error) {
      this.#ports.log.debug('traffic-record-refused', { error });
    }
  }

  addTraffic(delta: Traffic): void {
    addTraffic(this.#traffic, delta);
    this.#cancelSave ??= this.#ports.clock.after(SAVE_DELAY_MS, () => void this.#save());
    this.#changed();
  }

  setPeers(peers: number): void {
    if (peers === this.#peers) return;
    this.#peers = peers;
    this.#changed();
  }

  setLeader(hasLeader: boolean): void {
    this.#hasLeader = hasLeader;
    if (!hasLeader) this.#peers = 0;
    this.#changed();
  }

  setRelease(release: WorkerStatus['release']): void {
    this.#release = release;
    this.#changed();
  }

  #changed(): void {
    this.#cancelPublish ??= this.#ports.clock.after(PUBLISH_INTERVAL_MS, () => {
      this.#cancelPublish = undefined;
      this.#publish(this.current);
    });
  }

  async #save(): Promise<void> {
    this.#cancelSave = undefined;
    try {
      await this.#ports.records.set({ [TRAFFIC_RECORD]: this.current.traffic });
    } catch (error) {
      // Only figures: they start from zero in the worker's next life.
      this.#ports.log.debug('traffic-not-kept', { error });
    }
  }
}
