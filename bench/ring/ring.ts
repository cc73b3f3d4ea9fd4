import { join } from 'node:path';
import type { Browser, Page } from 'playwright';
import { bundle } from '../stage/bundle.ts';
import { Crowd } from '../stage/crowd.ts';
import type { Scripts } from '../stage/scripts.ts';

const FOLDER = '/bench-ring/';

/** Browsers of which each sends to the next as much as it receives: what the machine can move at all. */
export class Ring {
  readonly #browser: Browser;
  readonly #url: string;

  private constructor(browser: Browser, url: string) {
    this.#browser = browser;
    this.#url = url;
  }

  static async open(browser: Browser, scripts: Scripts): Promise<Ring> {
    scripts.add(`${FOLDER}page.js`, await bundle(join(import.meta.dirname, 'page.ts')));
    scripts.add(`${FOLDER}worker.js`, await bundle(join(import.meta.dirname, 'worker.ts')));
    scripts.add(FOLDER, '<!doctype html><title>ring</title><script type="module" src="page.js"></script>');
    return new Ring(browser, scripts.url + FOLDER);
  }

  /** Seconds until each of `peers` browsers has received `bytes` from the one before it. */
  async seconds(peers: number, bytes: number, options: { keep: boolean; stagger: number }): Promise<number> {
    const crowd = await this.#crowd(peers, options.keep);
    const { pages } = crowd;
    for (const [index, page] of pages.entries()) await connect(page, pages[(index + 1) % peers]);
    for (const page of pages) await expect(page, bytes, options.keep);
    const seconds = await crowd.race(options.stagger, async (page, index) => {
      await pages.at(index - 1)?.evaluate((amount) => ring.send(amount), bytes);
      await page.evaluate(() => ring.received);
    });
    await crowd.close();
    return seconds;
  }

  /** The same for one browser that receives from one other. */
  async pairSeconds(bytes: number): Promise<number> {
    const crowd = await this.#crowd(2, true);
    const [from, to] = crowd.pages;
    if (from === undefined || to === undefined) throw new Error('no pair');
    await connect(from, to);
    await expect(to, bytes, true);
    const startMs = performance.now();
    await from.evaluate((amount) => ring.send(amount), bytes);
    await to.evaluate(() => ring.received);
    const seconds = (performance.now() - startMs) / 1000;
    await crowd.close();
    return seconds;
  }

  #crowd(peers: number, keep: boolean): Promise<Crowd> {
    return Crowd.open(this.#browser, peers, this.#url, async (page) => {
      await page.waitForFunction(() => 'ring' in globalThis);
      if (keep) await page.evaluate(() => ring.prepareToKeep());
    });
  }
}

function expect(page: Page, bytes: number, keep: boolean): Promise<void> {
  return page.evaluate(({ amount, isKept }) => ring.expect(amount, isKept), { amount: bytes, isKept: keep });
}

async function connect(from: Page, to: Page | undefined): Promise<void> {
  if (to === undefined) throw new Error('nobody is next');
  const offer = await from.evaluate(() => ring.offer());
  const answer = await to.evaluate((sdp) => ring.answer(sdp), offer);
  await from.evaluate((sdp) => ring.accept(sdp), answer);
}
