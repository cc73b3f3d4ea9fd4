import type { CancelTimer, Clock } from './ports.ts';
import type { UploadCap } from './upload-cap.ts';

/** Somebody who is sent something. */
export interface Path {
  /** A request is open. Between two, what was sent may still be on its way through the line. */
  readonly isUploading: boolean;
  /** The shortest round trip that was seen; infinite before the first. */
  readonly shortestMs: number;
  /** By how much its round trip is longer than the shortest of late; `undefined`: nothing new was measured. */
  queueingMs(): Promise<number | undefined>;
}

const INTERVAL_MS = 1000;
/**
 * All paths are heard before anything is concluded, as long as that takes no longer than this. Of three that are measured
 * in one second, of ten, all may be slow by chance: on a machine that is full one in two is.
 */
const ROUND_MS = 4000;
/** Behind the same exit, and so near: in the house. Homes that a provider puts behind one address are farther apart. */
const NEAR_MS = 5;
/** LEDBAT (RFC 6817, 2.4) allows itself 100 ms of the line's queue. A page that loads many small files feels those. */
const TARGET_MS = 30;
/** The longer the queue, the more is let go of until the next measurement: up to half, so that it drains. */
const LONG_QUEUE_MS = 400;
const LEAST_FACTOR = 0.5;
const MOST_FACTOR = 0.85;
/** Of the rate at which there was a queue: so far it is gone back half of the way with each measurement of no queue. */
const SAFE_SHARE = 0.85;
/** There it stays for so long: whatever tries more makes a queue again in the end. */
const HOLD_MS = 30_000;
/** And from there in small steps, also past that rate by some. Measurements come every 2.5 s in Chromium. */
const GROWTH = 1.03;
const NEAR_FULL = 1.1;
/** Far above that rate without a queue: the line has become free, or the measurement was wrong. */
const FREE_GROWTH = 1.25;
const IS_USED = 0.8;
/** Below that there is no line worth sharing, and a measurement may be wrong. */
const MINIMUM_BYTES_PER_SECOND = 64 * 1024;
/** After so long with nothing sent another network, another load: what was learned is forgotten. */
const FORGET_MS = 60_000;

/**
 * Gives way to whatever else uses the line up: when what we send makes round trips longer on every path that we send on, the
 * queue is where the paths are one, at home. A queue on one path alone is that peer's own. Peers in the same house are
 * left out: their round trips grow with the load of the machines, and fill no line.
 */
export class Politeness {
  readonly #clock: Clock;
  readonly #cap: UploadCap;
  readonly #nearMs: number;
  #cancelTimer: CancelTimer | undefined;
  /** What something was sent on since the last look, or is being sent. */
  readonly #busy = new Set<Path>();
  /** By how much round trips were longer, of each path, since the limit was last thought over. */
  readonly #round = new Map<Path, number>();
  #limit: number | undefined;
  /** What went out when there was a queue. */
  #fullRate = 0;
  #gaveWayMs = 0;
  /**
   * A first queue may be noise: of a machine that is busy connecting, say. One that follows a lower rate is the same queue,
   * still draining.
   */
  #isNextIgnored = true;
  #sinceMs = 0;
  #sinceBytes = 0;

  /** @param isSiteOnly all paths lead to peers behind the same network exit. */
  constructor(clock: Clock, cap: UploadCap, isSiteOnly: boolean) {
    this.#clock = clock;
    this.#cap = cap;
    this.#nearMs = isSiteOnly ? NEAR_MS : 0;
  }

  /** Something was sent. */
  onUpload(path: Path): void {
    this.#busy.add(path);
    if (this.#cancelTimer !== undefined) return;
    if (this.#clock.now() - this.#sinceMs >= FORGET_MS) this.#setLimit(undefined);
    this.#restart();
    this.#wait();
  }

  close(): void {
    this.#cancelTimer?.();
  }

  #wait(): void {
    this.#cancelTimer = this.#clock.after(INTERVAL_MS, () => {
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    const busy = [...this.#busy];
    for (const path of busy) if (!path.isUploading) this.#busy.delete(path);
    await Promise.all(
      busy.map(async (path) => {
        const delayMs = await path.queueingMs();
        if (delayMs !== undefined && path.shortestMs >= this.#nearMs) this.#round.set(path, delayMs);
      }),
    );
    const far = busy.filter(({ shortestMs }) => shortestMs >= this.#nearMs);
    const isAtHome = busy.length > 0 && far.length === 0;
    const isComplete = far.every((path) => this.#round.has(path)) || this.#clock.now() - this.#sinceMs >= ROUND_MS;
    if (isAtHome || (isComplete && this.#round.size > 0)) {
      this.#adapt(isAtHome ? 0 : Math.min(...this.#round.values()));
      this.#restart();
    }
    this.#cancelTimer = undefined;
    if (busy.length > 0) this.#wait();
  }

  #adapt(delayMs: number): void {
    const bytesPerSecond = ((this.#cap.passedBytes - this.#sinceBytes) * 1000) / (this.#clock.now() - this.#sinceMs);
    if (delayMs > TARGET_MS) {
      if (!this.#isNextIgnored) this.#giveWay(delayMs, bytesPerSecond);
      this.#isNextIgnored = !this.#isNextIgnored;
      return;
    }
    this.#isNextIgnored = this.#limit === undefined;
    if (this.#limit === undefined || bytesPerSecond < this.#limit * IS_USED) return;
    this.#setLimit(Math.max(this.#limit * this.#growth, (this.#limit + this.#fullRate * SAFE_SHARE) / 2));
  }

  /** Above what is safe, by what factor more is tried. */
  get #growth(): number {
    if (this.#clock.now() - this.#gaveWayMs < HOLD_MS) return 1;
    return (this.#limit ?? 0) < this.#fullRate * NEAR_FULL ? GROWTH : FREE_GROWTH;
  }

  #giveWay(delayMs: number, bytesPerSecond: number): void {
    const factor = Math.min(MOST_FACTOR, Math.max(LEAST_FACTOR, 1 - delayMs / LONG_QUEUE_MS));
    this.#fullRate = bytesPerSecond;
    this.#gaveWayMs = this.#clock.now();
    this.#setLimit(Math.max(MINIMUM_BYTES_PER_SECOND, bytesPerSecond * factor));
  }

  #setLimit(bytesPerSecond: number | undefined): void {
    this.#limit = bytesPerSecond;
    this.#cap.limit(bytesPerSecond);
  }

  #restart(): void {
    this.#round.clear();
    this.#sinceMs = this.#clock.now();
    this.#sinceBytes = this.#cap.passedBytes;
  }
}
