import { StoreError } from '../core/errors.ts';
import type { CancelTimer, ChunkStore, Clock } from '../core/ports.ts';
import type { FileUses } from '../protocol/figures-record.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { evictions, storeLimit } from './cache-policy.ts';

export interface StoreKeeperPorts {
  readonly clock: Clock;
  readonly store: Pick<ChunkStore, 'list'>;
  readonly manifests: () => readonly Manifest[];
  readonly copiesOf: (chunk: ChunkId) => number;
  /** When the worker was asked for each file last. @throws StoreError */
  readonly uses: () => Promise<FileUses | undefined>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Takes them out of the store, and tells peers. @throws StoreError */
  readonly drop: (chunks: readonly ChunkId[]) => Promise<void>;
  /** What of this app is in the browser beside the store. Never rejects. */
  readonly otherBytes: () => Promise<number>;
  /** `undefined` where the browser does not tell. */
  readonly storage: Pick<StorageManager, 'estimate' | 'persist' | 'persisted'> | undefined;
  /** The user has installed the app: keeping it is what that was for, and a question about it comes as no surprise. */
  readonly isInstalled: () => boolean;
}

/** The first look is after the rush of a page's start. A look at 100,000 chunks takes some 50 ms, none of it in one task. */
export const LOOK_INTERVAL_MS = 60_000;

/** Keeps the store within its limit for as long as the engine runs, and asks the browser not to wipe it. */
export class StoreKeeper {
  readonly #ports: StoreKeeperPorts;
  #orphans: ReadonlySet<ChunkId> = new Set();
  #cancel: CancelTimer | undefined;
  #hasAsked = false;

  constructor(ports: StoreKeeperPorts) {
    this.#ports = ports;
    this.#lookLater();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #lookLater(): void {
    this.#cancel = this.#ports.clock.after(LOOK_INTERVAL_MS, () => {
      void this.#look().then(() => {
        if (this.#cancel !== undefined) this.#lookLater();
      });
    });
  }

  async #look(): Promise<void> {
    const { store, storage, manifests, copiesOf, uses, now, drop, otherBytes } = this.#ports;
    try {
      // Both may be missing, or refuse, in private modes.
      const quota = await storage?.estimate().then(
        (estimate) => estimate.quota,
        () => undefined,
      );
      const facts = {
        manifests: manifests(),
        stored: new Set(await store.list()),
        formerOrphans: this.#orphans,
        uses: await uses(),
        nowMs: now(),
        limitBytes: storeLimit(quota) - (await otherBytes()),
        copiesOf,
      };
      const { evicted, orphans } = evictions(facts);
      this.#orphans = orphans;
      if (evicted.length > 0 && this.#cancel !== undefined) await drop(evicted);
      if (facts.stored.size > 0) await this.#askForPersistence();
    } catch (error) {
      // Without a store there is nothing to keep; the next look finds it again, or not.
      if (!(error instanceof StoreError)) throw error;
    }
  }

  /** Firefox asks the user, so it is asked for once, and where the user expects the app to stay. */
  async #askForPersistence(): Promise<void> {
    const { storage, isInstalled } = this.#ports;
    if (this.#hasAsked || storage === undefined || !isInstalled()) return;
    this.#hasAsked = true;
    // A refusal costs nothing: what the browser wipes is fetched again.
    await storage
      .persisted()
      .then((persisted) => persisted || storage.persist())
      .catch(() => false);
  }
}
