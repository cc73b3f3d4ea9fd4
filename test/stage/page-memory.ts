import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright';

/** Megabytes that a page keeps after a garbage collection. */
export interface PageMemory {
  /** JavaScript objects, without the contents of array buffers. */
  readonly heapMB: number;
  /** Anonymous memory of all renderer processes of its browser: array buffers and WebRTC's queues too. */
  readonly processMB: number;
}

export async function pageMemory(page: Page): Promise<PageMemory> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  await session.send('Performance.enable');
  const { metrics } = await session.send('Performance.getMetrics');
  await session.detach();
  const heapBytes = metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? Number.NaN;
  return { heapMB: heapBytes / 1e6, processMB: await renderersMB(page) };
}

async function renderersMB(page: Page): Promise<number> {
  const browser = page.context().browser();
  if (browser === null) throw new Error('no browser');
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const renderers = processInfo.filter(({ type }) => type === 'renderer');
  const sizes = await Promise.all(renderers.map(({ id }) => anonymousMB(id)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Linux says it in /proc; elsewhere nothing is measured. */
async function anonymousMB(process: number): Promise<number> {
  try {
    const status = await readFile(`/proc/${process}/status`, 'utf8');
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1000;
  } catch {
    // Another system, or the process has just ended.
    return 0;
  }
}
