import type { BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bulkApp, type PublishedApp } from '../stage/app.ts';
import { Stage } from '../stage/stage.ts';

const MIB = 1024 * 1024;

let app: PublishedApp;
let stage: Stage;

beforeAll(async () => {
  app = await bulkApp({ 'bulk.bin': 48 * MIB });
});

beforeEach(async () => {
  stage = await Stage.open(app.out);
});

afterEach(async () => {
  await stage.close();
});

afterAll(async () => {
  await app.remove();
});

async function openTab(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto(stage.url);
  await page.evaluate(() => tabseed.ready);
  return page;
}

async function leaders(pages: readonly Page[]): Promise<Page[]> {
  const leading = await Promise.all(pages.map((page) => page.evaluate(() => tabseed.stats().leader)));
  return pages.filter((_, index) => leading[index]);
}

describe('three tabs of one browser', () => {
  it('have one leader and one signaling connection; a download survives the leader', async () => {
    const seeder = await openTab(await (await stage.browser()).newContext());
    await seeder.evaluate(() => tabseed.prefetch(['bulk.bin']));
    stage.refuse = (path) => path.includes('/pack-') || path.endsWith('/bulk.bin');

    const context = await (await stage.browser()).newContext();
    const pages = [await openTab(context), await openTab(context), await openTab(context)];
    await pages[0]?.waitForFunction(() => tabseed.stats().peers > 0);
    const [leader, ...more] = await leaders(pages);
    expect(more).toEqual([]);
    expect(stage.server.signal?.stats().peers).toBe(2);
    const others = pages.filter((page) => page !== leader);
    const [reader] = others;
    if (leader === undefined || reader === undefined) throw new Error('no leader');

    const download = reader.evaluate(async () => {
      const response = await fetch('bulk.bin');
      const reading = response.body?.getReader();
      if (reading === undefined) throw new Error('no body');
      const parts: Uint8Array[] = [];
      for (let part = await reading.read(); !part.done; part = await reading.read()) {
        parts.push(part.value);
        document.title = String(parts.reduce((sum, bytes) => sum + bytes.length, 0));
      }
      const digest = await crypto.subtle.digest('SHA-256', await new Blob(parts as BlobPart[]).arrayBuffer());
      return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
    });
    await reader.waitForFunction((bytes) => Number(document.title) > bytes, 8 * MIB);
    expect(Number(await reader.title())).toBeLessThan(40 * MIB);
    await leader.close();
    expect(await download).toBe(app.hashes.get('bulk.bin'));
    await Promise.race(others.map((page) => page.waitForFunction(() => tabseed.stats().leader)));
    expect(await leaders(others)).toHaveLength(1);
  });
});
