import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright';
import { launchChromium } from './setup/browser.ts';

/**
 * Takes the pictures of the README from a running demo: `npm start` in one terminal, `npm run screenshot -- URL` in
 * another. A first browser stays open and seeds; each picture is of another browser that has just arrived.
 */
const DEFAULT_URL = 'http://127.0.0.1:8080/';
const FOLDER = join(import.meta.dirname, '../docs');
const VIEWPORT = { width: 1280, height: 800 };
/** Two pixels for one: the picture is shown smaller than it is on most screens. */
const SCALE = 2;

async function visit(browser: Browser, url: string, colorScheme: 'light' | 'dark'): Promise<Page> {
  const context = await browser.newContext({ viewport: VIEWPORT, deviceScaleFactor: SCALE, colorScheme });
  const page = await context.newPage();
  await page.goto(url);
  await page.locator('#problem').waitFor();
  // The numbers of the last chunks arrive after the editor: the picture is taken when the chart has become quiet.
  await page.waitForFunction(() => {
    const now = JSON.stringify(tabseed.stats().bytes);
    const seen = document.body.dataset as { bytes?: string; since?: string };
    if (seen.bytes !== now) Object.assign(seen, { bytes: now, since: performance.now() });
    return performance.now() - Number(seen.since) > 1000;
  });
  return page;
}

const url = process.argv[2] ?? DEFAULT_URL;
await mkdir(FOLDER, { recursive: true });
const browsers = await Promise.all([launchChromium(), launchChromium(), launchChromium()]);
try {
  const [first, second, third] = browsers;
  await visit(first, url, 'light');
  for (const [browser, colorScheme, name] of [
    [second, 'light', 'screenshot.png'],
    [third, 'dark', 'screenshot-dark.png'],
  ] as const) {
    const page = await visit(browser, url, colorScheme);
    const bytes = await page.evaluate(() => tabseed.stats().bytes);
    await page.screenshot({ path: join(FOLDER, name) });
    console.log(`docs/${name}`, JSON.stringify(bytes));
  }
} finally {
  await Promise.all(browsers.map((browser) => browser.close()));
}
