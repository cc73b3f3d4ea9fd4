import type { Page } from 'playwright';
import type { UrgentRequest } from './urgent-app.ts';

/** Milliseconds from the request until the page has it: a file's last byte, a document's `load`. */
export async function timeUrgent(page: Page, request: UrgentRequest): Promise<number> {
  return page.evaluate(async ({ path, isNavigation }) => {
    const startMs = performance.now();
    if (!isNavigation) {
      const response = await fetch(path);
      if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
      await response.arrayBuffer();
      return performance.now() - startMs;
    }
    const frame = document.createElement('iframe');
    const loaded = new Promise((resolve) => {
      frame.addEventListener('load', resolve);
    });
    frame.src = path;
    document.documentElement.append(frame);
    await loaded;
    const endMs = performance.now();
    frame.remove();
    return endMs - startMs;
  }, request);
}
