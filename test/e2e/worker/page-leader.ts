import type { Page } from 'playwright';
import type { LeaderRequest, WorkerMessage } from '../../../src/protocol/bridge-message.ts';

/**
 * - `generous`: has every chunk of one file.
 * - `poor`: has nothing.
 * - `lying`: sends bytes that are not the chunk.
 * - `silent`: never answers.
 */
export type LeaderManner = 'generous' | 'poor' | 'lying' | 'silent';

/** Makes the page the leader, with a stand-in for the engine. It leads again when the worker calls. */
export async function becomeLeader(page: Page, manner: LeaderManner, file: { readonly url: string }): Promise<void> {
  await page.evaluate(
    async ([how, url]) => {
      const log: LeaderRequest[] = [];
      Object.assign(globalThis, { log });
      const chunks = new Map<string, ArrayBuffer>();
      if (how === 'generous') await cutLikeTheStore(url);

      async function cutLikeTheStore(target: string): Promise<void> {
        // The chunks that the worker has stored of the file: the store knows where the cuts are.
        const { byteLength } = await fetch(target).then((response) => response.arrayBuffer());
        const [info] = await indexedDB.databases();
        const database = await new Promise<IDBDatabase>((resolve) => {
          const request = indexedDB.open(info?.name ?? '');
          request.onsuccess = () => resolve(request.result);
        });
        // What the worker has delivered it writes some moments later.
        for (let [held, before] = [0, -1]; held < byteLength || held !== before; ) {
          before = held;
          await readChunks(database.transaction('chunks').objectStore('chunks'));
          held = [...chunks.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0);
        }
        database.close();
      }

      async function readChunks(store: IDBObjectStore): Promise<void> {
        await new Promise((resolve) => {
          store.openCursor().onsuccess = ({ target: cursors }) => {
            const cursor = (cursors as IDBRequest<IDBCursorWithValue | null>).result;
            if (cursor === null) {
              resolve(undefined);
              return;
            }
            const { encoding, bytes } = cursor.value as { encoding: string; bytes: Uint8Array };
            if (encoding === 'identity') chunks.set(cursor.key as string, new Uint8Array(bytes).buffer);
            cursor.continue();
          };
        });
      }

      function lead(): void {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }: MessageEvent<LeaderRequest>) => {
          log.push(data);
          if (data.type !== 'want' || how === 'silent') return;
          const { request } = data;
          port1.postMessage({ type: 'ack', request });
          for (const chunk of data.chunks) {
            const bytes = how === 'lying' ? new ArrayBuffer(1000) : chunks.get(chunk)?.slice(0);
            if (bytes === undefined) port1.postMessage({ type: 'missing', request, chunk });
            else port1.postMessage({ type: 'chunk', request, chunk, source: 'peers', bytes }, [bytes]);
          }
        };
        navigator.serviceWorker.controller?.postMessage({ tabseed: { type: 'lead', version: 1 } }, [port2]);
      }

      navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ tabseed: WorkerMessage }>) => {
        if (data.tabseed.type === 'leader-wanted') lead();
      });
      navigator.serviceWorker.startMessages();
      lead();
    },
    [manner, file.url] as const,
  );
}

/** What the worker has said to this leader. */
export function leaderLog(page: Page): Promise<readonly LeaderRequest[]> {
  return page.evaluate(() => (globalThis as unknown as { log: readonly LeaderRequest[] }).log);
}
