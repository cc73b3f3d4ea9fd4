/** Makes this browser a new one to the app: no worker, no stored chunk, no cached response of a worker. Then reloads. */
export async function clearAndReload(): Promise<void> {
  // Elsewhere there are no workers, hence nothing to clear.
  if (isSecureContext) await clear();
  location.reload();
}

async function clear(): Promise<void> {
  const [registrations, databases, caches] = await Promise.all([
    navigator.serviceWorker.getRegistrations(),
    indexedDB.databases(),
    globalThis.caches.keys(),
  ]);
  const ours = registrations.filter(({ scope }) => document.baseURI.startsWith(scope));
  await Promise.all([
    ...ours.map((registration) => registration.unregister()),
    ...databases.flatMap(({ name }) => (isOurs(name) ? [deleteDatabase(name)] : [])),
    ...caches.filter(isOurs).map((name) => globalThis.caches.delete(name)),
  ]);
}

function isOurs(name: string | undefined): name is string {
  return name?.startsWith('tabseed') ?? false;
}

function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    // It is deleted as soon as the last connection closes: ours does with the reload.
    request.onblocked = () => resolve();
    request.onerror = () => reject(request.error ?? new Error(`database ${name} cannot be deleted`));
  });
}
