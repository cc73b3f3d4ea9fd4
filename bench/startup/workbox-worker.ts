import { type PrecacheEntry, precacheAndRoute } from 'workbox-precaching';

/** What a service worker has and a page has not, as far as it is used here. */
interface WorkerScope {
  readonly precached: PrecacheEntry[];
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: Lasting) => void): void;
}

interface Lasting {
  waitUntil(work: Promise<unknown>): void;
}

const scope = globalThis as unknown as WorkerScope;
scope.addEventListener('install', () => void scope.skipWaiting());
scope.addEventListener('activate', (event) => event.waitUntil(scope.clients.claim()));
precacheAndRoute(scope.precached);
