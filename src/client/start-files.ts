import type { CancelTimer, Clock } from '../core/ports.ts';
import { openBrowserDatabase } from '../platform/idb-database.ts';
import { systemClock } from '../platform/system-clock.ts';
import { storageName } from '../protocol/browser-names.ts';
import { decodeManifest } from '../protocol/manifest.ts';
import { storeLimit } from './cache-policy.ts';
import type { Releases } from './engine.ts';
import { keepScripts } from './script-cache.ts';
import { StartCache } from './start-cache.ts';

/** Files that a page loads one after the other come into the store meanwhile. Many a visit is over in a minute. */
const REPEAT_MS = 15_000;
/** Of what the store may take: these files are on the disk twice. */
const SHARE = 0.25;

interface Run {
  readonly stop: AbortController;
  cancel: CancelTimer | undefined;
}

/** Fills the start cache, client scripts included, for as long as this tab leads. */
export class StartFiles {
  readonly #scope: string;
  readonly #clock: Clock = systemClock();
  #run: Run | undefined;
  /** Also of runs that were stopped. */
  #filling: Promise<unknown> = Promise.resolve();

  constructor(scope: string) {
    this.#scope = scope;
  }

  /** @param index which of the releases is the active one */
  setReleases({ manifests, config: { app } }: Releases, index: number): void {
    void this.close();
    const active = manifests[index];
    if (active === undefined) return;
    const run: Run = { stop: new AbortController(), cancel: undefined };
    this.#run = run;
    const repeat = async (): Promise<void> => {
      const filling = this.#fill(new Uint8Array(active), app, run.stop.signal);
      this.#filling = Promise.all([this.#filling, filling]);
      if ((await filling) || run.stop.signal.aborted) return;
      run.cancel = this.#clock.after(REPEAT_MS, () => void repeat());
    };
    void repeat();
  }

  /** Resolves when nothing is written any more. */
  close(): Promise<unknown> {
    this.#run?.stop.abort();
    this.#run?.cancel?.();
    return this.#filling;
  }

  /** Resolves with whether there is nothing left to do. Never rejects. */
  async #fill(active: Uint8Array, app: string, signal: AbortSignal): Promise<boolean> {
    const owner = { app, scope: this.#scope };
    const database = openBrowserDatabase(owner);
    try {
      const { quota } = await navigator.storage.estimate();
      const place = { caches, name: storageName(owner), scope: this.#scope };
      const loaded = performance.getEntriesByType('resource').map(({ name }) => name);
      const fetchLoaded = (url: string) => fetch(url, { signal, cache: 'force-cache' });
      await keepScripts({ ...place, fetch: fetchLoaded }, loaded, signal);
      return await new StartCache({
        store: database.chunks,
        ...place,
        fetch: (url) => fetch(url, { signal }),
      }).fill(decodeManifest(active), storeLimit(quota) * SHARE, signal);
    } catch {
      // No caches, no store, no room, or this tab leads no more: pages start from chunks.
      return true;
    } finally {
      await database.close();
    }
  }
}
