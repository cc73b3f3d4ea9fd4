import type { BareBrowser } from './bare-browser.ts';

export interface HeapBytes {
  /** Objects of JavaScript. */
  readonly used: number;
  /** What ArrayBuffers hold, outside of the JavaScript heap. */
  readonly buffers: number;
}

interface RuntimeHeapUsage {
  readonly usedSize: number;
  readonly backingStorageSize?: number;
}

interface Target {
  readonly targetId: string;
  readonly type: string;
}

/** Sends a command of the DevTools protocol to some JavaScript thread. */
export type SendCommand = (method: string) => Promise<unknown>;

/** Collects the thread's garbage, then measures. */
export async function heapAfterCollection(send: SendCommand): Promise<HeapBytes> {
  await send('HeapProfiler.collectGarbage');
  const { usedSize, backingStorageSize = 0 } = (await send('Runtime.getHeapUsage')) as RuntimeHeapUsage;
  return { used: usedSize, buffers: backingStorageSize };
}

/** The service workers of a browser, each measured as pages are. */
export async function workerHeaps(browser: BareBrowser): Promise<HeapBytes[]> {
  const { targetInfos } = await browser.send('Target.getTargets');
  const workers = (targetInfos as Target[]).filter(({ type }) => type === 'service_worker');
  return Promise.all(
    workers.map(async ({ targetId }) => {
      const sessionId = await browser.attach(targetId);
      try {
        return await heapAfterCollection((method) => browser.send(method, {}, sessionId));
      } finally {
        await browser.send('Target.detachFromTarget', { sessionId });
      }
    }),
  );
}
