import type { CancelTimer, Clock } from '../core/ports.ts';
import { addTraffic, noTraffic, type Traffic } from '../protocol/traffic.ts';

/** Five reports a second are smooth for a chart, and nothing beside the chunks that they count. */
export const REPORT_INTERVAL_MS = 200;

/**
 * While nobody takes reports, the worker is asleep. Waking it costs it a start, so uploads alone do that every ten
 * seconds only: figures in other tabs are at most that old.
 */
export const WAKE_INTERVAL_MS = 10_000;

export interface ReportHandlers {
  /** Takes a report, or returns false when there is nobody to give it to: it is kept. */
  send(traffic: Traffic, peers: number): boolean;
  /** There are reports that nobody takes. */
  wake(): void;
}

/** Gathers traffic and the number of peers, and hands them on at a bounded rate. */
export class TrafficReport {
  readonly #clock: Clock;
  readonly #handlers: ReportHandlers;
  #traffic = noTraffic();
  #peers = 0;
  #news = false;
  #closed = false;
  #cancelTimer: CancelTimer | undefined;

  constructor(clock: Clock, handlers: ReportHandlers) {
    this.#clock = clock;
    this.#handlers = handlers;
  }

  addTraffic(delta: Traffic): void {
    addTraffic(this.#traffic, delta);
    this.#changed();
  }

  setPeers(count: number): void {
    this.#peers = count;
    this.#changed();
  }

  /** Somebody takes reports now, and knows nothing yet. */
  resume(): void {
    this.#news = true;
    this.flush();
  }

  /** Sends what there is without waiting. */
  flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (!this.#news) return;
    if (this.#handlers.send(this.#traffic, this.#peers)) {
      this.#traffic = noTraffic();
      this.#news = false;
    } else {
      this.#cancelTimer = this.#clock.after(WAKE_INTERVAL_MS, () => {
        this.#cancelTimer = undefined;
        this.#handlers.wake();
      });
    }
  }

  /** Sends what it can now, and nothing ever after. */
  close(): void {
    this.flush();
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #changed(): void {
    if (this.#closed) return;
    this.#news = true;
    this.#cancelTimer ??= this.#clock.after(REPORT_INTERVAL_MS, () => this.flush());
  }
}
