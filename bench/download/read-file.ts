import type { Page } from 'playwright';
import { FILE } from './venue.ts';

/** Lets a page read the file to its end, as a page does that shows or plays it. `fresh`: past the HTTP cache. */
export async function readFileIn(page: Page, bytes: number, fresh: boolean): Promise<void> {
  const length = await page.evaluate(
    async ({ file, cache }) => {
      const response = await fetch(file, { cache });
      const reader = response.body?.getReader();
      let received = 0;
      for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
        received += part.value.length;
      }
      return received;
    },
    { file: `/${FILE}`, cache: fresh ? ('no-store' as const) : ('default' as const) },
  );
  if (length !== bytes) throw new Error(`the page read ${length} of ${bytes} bytes`);
}
