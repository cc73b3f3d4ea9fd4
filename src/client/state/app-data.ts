import { deleteBrowserDatabase, openBrowserDatabase } from '../../platform/idb-database.ts';
import { posted } from '../../protocol/bridge-message.ts';
import { checkKey, RELEASES_RECORD, type StorageOwner, storageName } from '../../protocol/browser-names.ts';
import type { ChunkId } from '../../protocol/identifier.ts';
import { WORKER_SCRIPT } from '../../protocol/layout.ts';
import { decodeManifest, type Manifest } from '../../protocol/manifest.ts';
import { decodeWorkerScript } from '../../protocol/worker-config.ts';

/** One release, as far as it is in the store. */
export interface StoredRelease {
  readonly sequence: number;
  readonly version: string;
  readonly state: 'next' | 'active' | 'older';
  readonly storedBytes: number;
  readonly totalBytes: number;
}

/** Longer than a worker waits for its leader. One of another version, or of the app's own, may never answer. */
const WORKER_LIMIT_MS = 5000;

/** What the app of a scope keeps in this browser. */
export class AppData {
  readonly #owner: StorageOwner;
  #reading: Promise<StoredRelease[]> | undefined;

  private constructor(owner: StorageOwner) {
    this.#owner = owner;
  }

  /** @throws TypeError, ProtocolError when the worker script is not to be had */
  static async of(scope: string): Promise<AppData> {
    const script = await (await fetch(new URL(WORKER_SCRIPT, scope))).text();
    return new AppData({ app: decodeWorkerScript(script).config.app, scope });
  }

  /** Newest first; empty where there is no store. A chunk that two releases share counts for both. */
  releases(): Promise<StoredRelease[]> {
    this.#reading = this.#read();
    return this.#reading;
  }

  async #read(): Promise<StoredRelease[]> {
    const database = openBrowserDatabase(this.#owner);
    try {
      const record = Object(await database.records.get(RELEASES_RECORD)) as Record<string, unknown>;
      const stored = new Set(await database.chunks.list());
      const known = Array.isArray(record.releases) ? (record.releases as unknown[]) : [];
      const active = Number(record.active);
      return known.map((entry) => {
        const manifest = decodeManifest((entry as { readonly manifest: Uint8Array }).manifest);
        const { sequence, version } = manifest;
        const state = sequence === active ? 'active' : sequence > active ? 'next' : 'older';
        return { sequence, version, state, ...bytesOf(manifest, stored) };
      });
    } catch {
      // No database yet, none at all, or one of another version: nothing that could be shown.
      return [];
    } finally {
      await database.close();
    }
  }

  /** All of this app and scope, and nothing of any other. The next visit brings Tabseed back. */
  async remove(): Promise<void> {
    const { scope } = this.#owner;
    const name = storageName(this.#owner);
    for (const key of [`tabseed consent ${scope}`, `tabseed pause ${scope}`, checkKey(scope)])
      localStorage.removeItem(key);
    // Whoever still reads or writes would make the database anew.
    await this.#reading;
    const registration = await navigator.serviceWorker.getRegistration(scope);
    if (registration?.scope === scope) {
      if (registration.active) await removedBy(registration.active);
      await registration.unregister();
    }
    for (const cache of await caches.keys()) {
      if (cache === name || cache.startsWith(`${name} `)) await caches.delete(cache);
    }
    await deleteBrowserDatabase(this.#owner);
  }
}

/** Resolves when the worker, the leader and all pages have let go of what is stored, or when it does not answer. */
function removedBy(worker: ServiceWorker): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      port1.close();
      resolve();
    };
    const timer = setTimeout(end, WORKER_LIMIT_MS);
    port1.onmessage = end;
    worker.postMessage(posted({ type: 'uninstall' }), [port2]);
  });
}

function bytesOf({ packs }: Manifest, stored: ReadonlySet<ChunkId>): { storedBytes: number; totalBytes: number } {
  let storedBytes = 0;
  let totalBytes = 0;
  for (const { chunks } of packs) {
    for (const { id, plainBytes } of chunks) {
      totalBytes += plainBytes;
      if (stored.has(id)) storedBytes += plainBytes;
    }
  }
  return { storedBytes, totalBytes };
}
