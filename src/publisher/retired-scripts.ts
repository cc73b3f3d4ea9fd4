import { leaderLockName } from '../protocol/browser-names.ts';
import { WORKER_SCRIPT } from '../protocol/layout.ts';
import { RETIRED_CONFIG_PREFIX, type WorkerConfig } from '../protocol/worker-config.ts';

/** Deletes a database and the caches that have its name, or begin with it and a space: of one app and scope alone. */
const DELETE_DATA = `const deleteData = async (name) => {
  await new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = request.onerror = request.onblocked = resolve;
  });
  for (const key of await caches.keys()) {
    if (\`\${key} \`.startsWith(\`\${name} \`)) await caches.delete(key);
  }
};
`;

/** A worker that takes the place of an app's own, removes what that has stored, and then itself. It answers nothing. */
export function retiredWorkerScript(config: WorkerConfig): string {
  return `${RETIRED_CONFIG_PREFIX}${JSON.stringify(config)};
// This app is retired. The worker removes what the app has stored in this browser, and itself; see "tabseed retire".
// Imported by a worker of the app's own, it leaves that where it is.
const isAlone = location.pathname.endsWith(${JSON.stringify(`/${WORKER_SCRIPT}`)});
${DELETE_DATA}const remove = async () => {
  const { scope } = registration;
  const pages = await clients.matchAll({ type: 'window', includeUncontrolled: true });
  for (const page of pages) page.postMessage({ tabseed: { type: 'retired' } });
  // The leader lets go when its engine has written its last chunk, which would make the database anew.
  const lock = ${JSON.stringify(leaderLockName(''))} + scope;
  const released = navigator.locks?.request(lock, { signal: AbortSignal.timeout(3000) }, () => {});
  await Promise.allSettled([released]);
  await Promise.allSettled([deleteData(\`tabseed \${__tabseedRetired.app} \${scope}\`)]);
  if (isAlone) await registration.unregister();
};
if (isAlone) addEventListener('install', (event) => event.waitUntil(skipWaiting()));
addEventListener('activate', (event) => event.waitUntil(remove()));
`;
}

/**
 * What pages load as the client then: registers nothing, sees to it that a worker which is still there learns that it
 * is retired, and keeps the page's own calls of \`tabseed\` harmless.
 */
export function retiredClientScript({ app }: WorkerConfig): string {
  return `// This app is retired; see "tabseed retire".
const scope = new URL('..', import.meta.url).href;
const url = new URL(${JSON.stringify(WORKER_SCRIPT)}, scope).href;
const error = Object.assign(new Error('the publisher took Tabseed out of this app'), {
  name: 'TabseedError',
  code: 'retired',
  shouldRetry: () => false,
});
const ready = Promise.reject(error);
ready.catch(() => {});
const stats = Object.freeze({
  bytes: { store: 0, peers: 0, origin: 0, uploaded: 0, wasted: 0 },
  wire: { peers: 0, origin: 0, uploaded: 0, wasted: 0 },
  peers: 0,
  leader: false,
  release: null,
  consent: null,
});
${DELETE_DATA}const clean = async () => {
  const registration = await navigator.serviceWorker?.getRegistration(scope);
  const worker = registration?.active ?? registration?.waiting ?? registration?.installing;
  // The script that is there now removes the data and itself, and tells the other tabs before.
  if (registration?.scope === scope && worker?.scriptURL === url) await registration.update();
  else await deleteData(\`tabseed \${${JSON.stringify(app)}} \${scope}\`);
};
if (!Object.hasOwn(globalThis, 'tabseed')) {
  globalThis.tabseed = Object.freeze({
    ready,
    stats: () => stats,
    on: () => () => {},
    prefetch: () => ready,
    checkForUpdate: () => ready,
    applyUpdate: async () => false,
    pause() {},
    resume() {},
    consent() {},
  });
  // Without a network, or where storage is blocked, the next visit does it.
  clean().catch(() => {});
}
`;
}
