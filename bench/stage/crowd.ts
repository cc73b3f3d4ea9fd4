import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright';
import { idleMachine } from './idle-machine.ts';

/** Browsers with storage of their own, side by side in one Chromium. */
export class Crowd {
  readonly pages: readonly Page[];
  readonly #contexts: readonly BrowserContext[];

  private constructor(contexts: readonly BrowserContext[], pages: readonly Page[]) {
    this.#contexts = contexts;
    this.pages = pages;
  }

  /**
   * Each opens the URL and is prepared, all together, once what Chromium does for new windows is over: the process that it
   * starts for the blank page of each and then leaves behind would take a seventh of the CPU from the first ten seconds.
   */
  static async open(
    browser: Browser,
    count: number,
    url: string,
    prepare: (page: Page) => Promise<unknown>,
  ): Promise<Crowd> {
    const contexts = await Promise.all(Array.from({ length: count }, () => browser.newContext()));
    const pages = await Promise.all(contexts.map((context) => context.newPage()));
    await idleMachine();
    await Promise.all(
      pages.map(async (page) => {
        await page.goto(url);
        await prepare(page);
      }),
    );
    return new Crowd(contexts, pages);
  }

  /** Lets everybody act, the last one `staggerSeconds` after the first; the seconds until all are done. */
  async race(staggerSeconds: number, act: (page: Page, index: number) => Promise<unknown>): Promise<number> {
    const startMs = performance.now();
    const stepMs = (staggerSeconds * 1000) / Math.max(1, this.pages.length - 1);
    await Promise.all(
      this.pages.map(async (page, index) => {
        if (index > 0 && stepMs > 0) await delay(index * stepMs);
        await act(page, index);
      }),
    );
    return (performance.now() - startMs) / 1000;
  }

  async close(): Promise<void> {
    await Promise.all(this.#contexts.map((context) => context.close()));
  }
}
