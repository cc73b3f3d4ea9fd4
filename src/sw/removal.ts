import { type BrowserDatabase, deleteBrowserDatabase } from '../platform/idb-database.ts';
import { leaderLockName, type StorageOwner, storageName } from '../protocol/browser-names.ts';
import { WORKER_SCRIPT } from '../protocol/layout.ts';

/** Longer than an engine takes to close its connections; a leader that hangs loses the store under its hands. */
const LEADER_LIMIT_MS = 3000;

/** Whether the worker is Tabseed's alone. One of the app's own is registered, takes over and goes as the app decides. */
export function isOurs({ location }: ServiceWorkerGlobalScope): boolean {
  return location.pathname.endsWith(`/${WORKER_SCRIPT}`);
}

/** Deletes what this app and scope keep in the browser, nothing of any other, and takes the worker away if it is ours. */
export async function removeApp(
  worker: ServiceWorkerGlobalScope,
  owner: StorageOwner,
  database: BrowserDatabase,
): Promise<void> {
  await database.close();
  // The leader lets go when its engine has written its last chunk, which would make the database anew.
  const signal = AbortSignal.timeout(LEADER_LIMIT_MS);
  // Missing in Safari before 15.4, where nobody leads.
  const { locks } = worker.navigator as { locks?: LockManager };
  await locks?.request(leaderLockName(owner.scope), { signal }, () => undefined).catch(() => undefined);
  await deleteBrowserDatabase(owner);
  // Where there are none, they reject.
  await caches.delete(storageName(owner)).catch(() => undefined);
  // Last, so that a worker that is stopped before begins again.
  if (isOurs(worker)) await worker.registration.unregister();
}
