import { NOT_FOUND } from '../core/absence.ts';
import { OriginError } from '../core/errors.ts';
import { httpOrigin } from '../platform/http-origin.ts';
import { openBrowserDatabase } from '../platform/idb-database.ts';
import { silentLog } from '../platform/log.ts';
import { verifyPointer } from '../platform/pointer-signature.ts';
import { loadRelease } from '../platform/release-source.ts';
import { streamCodec } from '../platform/stream-codec.ts';
import { subtleDigest } from '../platform/subtle-digest.ts';
import { systemClock } from '../platform/system-clock.ts';
import { storageName } from '../protocol/browser-names.ts';
import { packPath } from '../protocol/layout.ts';
import { readManifest } from '../protocol/manifest.ts';
import { pathToUrl } from '../protocol/release-path.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';
import { isLoopback } from './loopback.ts';
import { Records } from './records.ts';
import { isOurs, removeApp } from './removal.ts';
import { StartCache } from './start-cache.ts';
import { TabseedWorker } from './tabseed-worker.ts';
import { TolerantStore } from './tolerant-store.ts';
import type { WorkerPorts } from './worker-ports.ts';

export type { WorkerConfig } from '../protocol/worker-config.ts';

/** A server that is slower has no say in the headers; see DocumentHeaders. */
const HEAD_TIMEOUT_MS = 3000;

/**
 * Makes this service worker answer requests for files of the app's releases. Call it while the script is first run,
 * before other listeners for `fetch` are added: what is no file of the release goes to those.
 *
 * In a worker of the app's own, that worker alone decides when it takes over (`skipWaiting`, `clients.claim`) and whether
 * it stays registered. With a development key, on a host that is not this machine, nothing is installed.
 *
 * @param config @default what `tabseed publish` wrote into the first line of the worker script; without one, as on a
 *   development server, nothing is installed.
 */
export function installTabseed(scope: ServiceWorkerGlobalScope, config?: WorkerConfig): void {
  // A part of this very script: who can write it can write anything. A page decodes it when it gets it.
  const published = config ?? (scope as { readonly __tabseed?: WorkerConfig }).__tabseed;
  if (!published || (published.development && !isLoopback(scope.location.hostname))) {
    // biome-ignore lint/suspicious/noConsole: the publisher must see why nothing works
    console.warn('tabseed: development key, or none');
    if (isOurs(scope)) scope.addEventListener('activate', (event) => event.waitUntil(scope.registration.unregister()));
    return;
  }
  install(scope, published);
}

function install(scope: ServiceWorkerGlobalScope, config: WorkerConfig): void {
  const worker = new TabseedWorker(scope, config, portsOf(scope, config));
  if (isOurs(scope)) {
    scope.addEventListener('install', (event) => worker.handleInstall(event));
    scope.addEventListener('activate', (event) => worker.handleActivate(event));
  }
  scope.addEventListener('fetch', (event) => worker.handleFetch(event));
  scope.addEventListener('message', (event) => worker.handleMessage(event));
}

function portsOf(scope: ServiceWorkerGlobalScope, config: WorkerConfig): WorkerPorts {
  const base = scope.registration.scope;
  const fetch: typeof globalThis.fetch = (input, init) => scope.fetch(input, init);
  const owner = { app: config.app, scope: base };
  const database = openBrowserDatabase(owner);
  const digest = subtleDigest();
  const clock = systemClock();
  return {
    ...{ digest, fetch, clock, codec: streamCodec(), log: silentLog() },
    origin: httpOrigin({ base, fetch }),
    store: new TolerantStore(database.chunks, clock),
    records: new Records(database.records),
    startCache: new StartCache(storageName(owner), digest),
    verifyPointer: (bytes) => verifyPointer(bytes, config),
    loadRelease: (known, offer) => {
      const files = offer as BodyInit[] | undefined;
      return loadRelease({
        ...{ base, config, known, now: Date.now, digest, decode: readManifest },
        // In the order in which they are asked for; what is not among them the origin has.
        fetch: async (input, init) => (files?.length ? new Response(files.shift()) : fetch(input, init)),
      });
    },
    probePacks: async ({ packs }) => {
      const answers = packs.map(({ id }) => fetch(new URL(packPath(id), base), { method: 'HEAD' }));
      // Other errors may be a host's that knows no HEAD.
      if ((await Promise.all(answers)).some(({ status }) => status === NOT_FOUND))
        throw new OriginError('origin-status', 'packs are missing');
    },
    remove: () => removeApp(scope, owner, database),
    headersOf: async (path) => {
      const url = new URL(pathToUrl(path), base);
      const signal = AbortSignal.timeout(HEAD_TIMEOUT_MS);
      const response = await fetch(url, { method: 'HEAD', cache: 'no-cache', redirect: 'error', signal });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      return response.headers;
    },
  };
}
