import type { Clock } from '../core/ports.ts';
import type { Swarm, Want } from '../core/swarm.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { Manifest } from '../protocol/manifest.ts';
import type { StoreObserver } from './observed-store.ts';
import type { StorePlan } from './store-plan.ts';

/** Chunks asked for and not yet on disk: some 64 MiB, many round trips' worth for any line. */
const WINDOW_CHUNKS = 1024;
/** Asks for more in batches, since each batch costs the engine a look at its demand. */
const REFILL_CHUNKS = WINDOW_CHUNKS / 2;
/** A chunk that nobody could give, or that the disk did not take, is tried again after so long. */
const RETRY_MS = 5000;

export interface MirrorProgress {
  readonly storedBytes: number;
  readonly totalBytes: number;
}

type Fetch = Swarm['fetch'];

/** Fetches the planned chunks of one release until all are on disk, and again what the disk loses later. */
export class Mirror implements StoreObserver {
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  readonly #onProgress: (progress: MirrorProgress) => void;
  readonly #onComplete: () => void;
  readonly #plainBytes = new Map<ChunkId, number>();
  readonly #missing = new Set<ChunkId>();
  #queue: ChunkId[] = [];
  readonly #open = new Set<ChunkId>();
  readonly #wants = new Set<Want>();
  #totalBytes = 0;
  #storedBytes = 0;
  #isClosed = false;

  constructor(
    manifest: Manifest,
    plan: Pick<StorePlan, 'keep' | 'fetch'>,
    options: {
      readonly fetch: Fetch;
      readonly clock: Clock;
      readonly onProgress: (progress: MirrorProgress) => void;
      readonly onComplete: () => void;
    },
  ) {
    this.#fetch = options.fetch;
    this.#clock = options.clock;
    this.#onProgress = options.onProgress;
    this.#onComplete = options.onComplete;
    for (const { id, plainBytes } of manifest.packs.flatMap(({ chunks }) => chunks)) {
      const isMissing = plan.fetch.has(id);
      if (this.#plainBytes.has(id) || (!isMissing && !plan.keep.has(id))) continue;
      this.#plainBytes.set(id, plainBytes);
      this.#totalBytes += plainBytes;
      if (isMissing) this.#missing.add(id);
      else this.#storedBytes += plainBytes;
    }
    this.#queue = [...this.#missing];
  }

  start(): void {
    this.#report();
    this.#refill();
  }

  onStored(ids: readonly ChunkId[]): void {
    for (const id of ids) {
      if (!this.#missing.delete(id)) continue;
      this.#open.delete(id);
      this.#storedBytes += this.#plainBytes.get(id) ?? 0;
    }
    this.#report();
    this.#refill();
  }

  onLost(ids: readonly ChunkId[]): void {
    for (const id of ids) {
      const plainBytes = this.#plainBytes.get(id);
      if (plainBytes === undefined || this.#missing.has(id)) continue;
      this.#missing.add(id);
      this.#storedBytes -= plainBytes;
      this.#queue.push(id);
    }
    this.#report();
    this.#refill();
  }

  onRefused(ids: readonly ChunkId[], isFinal: boolean): void {
    for (const id of ids) {
      if (!this.#missing.has(id)) continue;
      if (isFinal) this.#giveUp(id);
      else this.#retryLater(id);
    }
    if (isFinal) this.#report();
  }

  close(): void {
    this.#isClosed = true;
    for (const want of this.#wants) want.cancel();
  }

  #report(): void {
    this.#onProgress({ storedBytes: this.#storedBytes, totalBytes: this.#totalBytes });
    if (this.#missing.size === 0) this.#onComplete();
  }

  #refill(): void {
    if (this.#isClosed || this.#queue.length === 0 || this.#open.size > REFILL_CHUNKS) return;
    const batch = this.#queue.splice(0, WINDOW_CHUNKS - this.#open.size).filter((id) => this.#missing.has(id));
    for (const id of batch) this.#open.add(id);
    let unanswered = batch.length;
    const settle = (): void => {
      unanswered -= 1;
      if (unanswered === 0) this.#wants.delete(want);
    };
    const want = this.#fetch(batch, 'bulk', {
      onChunk: settle,
      onMissing: (id) => {
        settle();
        this.#retryLater(id);
      },
    });
    if (unanswered > 0) this.#wants.add(want);
  }

  /** It came in another encoding than planned, and is too large for what is left. */
  #giveUp(id: ChunkId): void {
    this.#missing.delete(id);
    this.#open.delete(id);
    this.#totalBytes -= this.#plainBytes.get(id) ?? 0;
    this.#plainBytes.delete(id);
  }

  #retryLater(id: ChunkId): void {
    this.#open.delete(id);
    this.#clock.after(RETRY_MS, () => {
      this.#queue.push(id);
      this.#refill();
    });
  }
}
