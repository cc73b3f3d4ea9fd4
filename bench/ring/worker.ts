/** What a service worker has and a page has not, as far as it is used here. */
interface WorkerScope {
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: Lasting) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetched) => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: ArrayBuffer | 'end' }) => void): void;
}

interface Lasting {
  waitUntil(work: Promise<unknown>): void;
}

interface Fetched {
  readonly request: Request;
  respondWith(response: Response): void;
}

const scope = globalThis as unknown as WorkerScope;
/** One page a browser, and one file a page. */
let body: ReadableStreamDefaultController<Uint8Array> | undefined;

scope.addEventListener('install', (event) => event.waitUntil(scope.skipWaiting()));
scope.addEventListener('activate', (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener('fetch', (event) => {
  if (!event.request.url.endsWith('/file')) return;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      body = controller;
    },
  });
  event.respondWith(new Response(stream));
});
scope.addEventListener('message', ({ data }) => {
  if (data === 'end') body?.close();
  else body?.enqueue(new Uint8Array(data));
});
