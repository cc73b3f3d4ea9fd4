import type { CDPSession } from 'playwright';

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

/** Sends a command of the DevTools protocol to some JavaScript thread. */
export type SendCommand = (method: string) => Promise<unknown>;

/** Collects the thread's garbage, then measures. */
export async function heapAfterCollection(send: SendCommand): Promise<HeapBytes> {
  await send('HeapProfiler.collectGarbage');
  const { usedSize, backingStorageSize = 0 } = (await send('Runtime.getHeapUsage')) as RuntimeHeapUsage;
  return { used: usedSize, buffers: backingStorageSize };
}

/** The service workers of a browser, each measured as pages are; Playwright has no session for them. */
export async function workerHeaps(browser: CDPSession): Promise<HeapBytes[]> {
  const { targetInfos } = await browser.send('Target.getTargets');
  const workers = targetInfos.filter(({ type }) => type === 'service_worker');
  return Promise.all(workers.map(({ targetId }) => workerHeap(browser, targetId)));
}

async function workerHeap(browser: CDPSession, targetId: string): Promise<HeapBytes> {
  // Not flat, as Playwright's sessions do not pass on the sessions within them.
  const { sessionId } = await browser.send('Target.attachToTarget', { targetId });
  const waiting = new Map<number, (result: unknown) => void>();
  const receive = (event: { sessionId: string; message: string }): void => {
    if (event.sessionId !== sessionId) return;
    const { id, result } = JSON.parse(event.message) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  };
  browser.on('Target.receivedMessageFromTarget', receive);
  let lastId = 0;
  try {
    return await heapAfterCollection(async (method) => {
      lastId += 1;
      const answer = new Promise((resolve) => {
        waiting.set(lastId, resolve);
      });
      await browser.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id: lastId, method }) });
      return answer;
    });
  } finally {
    browser.off('Target.receivedMessageFromTarget', receive);
    await browser.send('Target.detachFromTarget', { sessionId });
  }
}
