import { type BrowserDatabase, deleteBrowserDatabase } from '../platform/idb-database.ts';
import { leaderLockName, type StorageOwner } from '../protocol/browser-names.ts';

/** Longer than an engine takes to close its connections; a leader that hangs loses the store under its hands. */
const LEADER_LIMIT_MS = 3000;

/** Deletes what this app and scope keep in the browser, nothing of any other, and takes the worker away. */
export async function removeApp(
  { registration, navigator }: ServiceWorkerGlobalScope,
  owner: StorageOwner,
  database: BrowserDatabase,
): Promise<void> {
  await database.close();
  // The leader lets go when its engine has written its last chunk, which would make the database anew.
  const signal = AbortSignal.timeout(LEADER_LIMIT_MS);
  // Missing in Safari before 15.4, where nobody leads.
  const { locks } = navigator as { locks?: LockManager };
  await locks?.request(leaderLockName(owner.scope), { signal }, () => undefined).catch(() => undefined);
  await deleteBrowserDatabase(owner);
  // Last, so that a worker that is stopped before begins again.
  await registration.unregister();
}
