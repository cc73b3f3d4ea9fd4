import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { expect, it } from 'vitest';
import { LOOK_INTERVAL_MS } from '../../../src/client/store-keeper.ts';
import { FIGURES_RECORD, type FiguresRecord, MAX_UNUSED_MS } from '../../../src/protocol/figures-record.ts';
import { SCRIPTS } from '../../stage/app.ts';
import { POLL, storedChunks } from '../client-site.ts';
import { stopWorkers } from '../worker/site.ts';
import { newest, seenBy, staged, UpdatesSite } from './updates-site.ts';

/** When the large file was used last, as the worker has written it down; with `atMs` that is changed. */
function lastUse(tab: Page, atMs?: number): Promise<number | undefined> {
  return tab.evaluate(
    async ({ key, changed }) => {
      const [info] = await indexedDB.databases();
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const request = indexedDB.open(info?.name ?? '');
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error ?? new Error('open failed'));
      });
      const records = database.transaction('records', 'readwrite').objectStore('records');
      const record = await new Promise<FiguresRecord>((resolve) => {
        const request = records.get(key);
        request.onsuccess = () => resolve(request.result as FiguresRecord);
      });
      const used = new Map(record.used);
      if (changed !== undefined) {
        const written = records.put({ ...record, used: used.set('large.bin', changed) }, key);
        await new Promise((resolve) => {
          written.onsuccess = resolve;
        });
      }
      database.close();
      return used.get('large.bin');
    },
    { key: FIGURES_RECORD, changed: atMs },
  );
}

it('a lazy file that no page has used for a month goes, and comes back when one wants it', async () => {
  const site = await UpdatesSite.open({ lazy: ['large.bin'], mode: 'off' }, { signal: false });
  try {
    const context = await (await site.stage.browser()).newContext();
    await context.clock.install();
    const tab = await site.visit(context);
    const before = await storedChunks(tab);
    const look = async (times: number): Promise<void> => {
      for (let count = 0; count < times; count += 1) {
        await tab.clock.fastForward(LOOK_INTERVAL_MS);
        // The look itself takes some transactions.
        await tab.evaluate(() => indexedDB.databases());
      }
    };
    await expect.poll(() => lastUse(tab), POLL).toBeGreaterThan(Date.now() - 600_000);
    await look(3);
    expect(await storedChunks(tab)).toBe(before);
    // A worker that lives would write down what it remembers.
    await stopWorkers(context, tab);
    await lastUse(tab, Date.now() - MAX_UNUSED_MS - 1000);
    // 3 of 3.1 MB, in chunks of 64 KB on average.
    const hasGone = async (): Promise<boolean> => {
      await look(1);
      return (await storedChunks(tab)) < before / 2;
    };
    await expect.poll(hasGone, POLL).toBe(true);
    expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
    expect(await tab.evaluate(async () => (await (await fetch('large.bin')).blob()).size)).toBe(3_000_000);
    await expect.poll(() => storedChunks(tab), POLL).toBe(before);
    await expect.poll(() => lastUse(tab), POLL).toBeGreaterThan(Date.now() - 600_000);
    await look(3);
    expect(await storedChunks(tab)).toBe(before);
  } finally {
    await site.close();
  }
});

it('an older release whose last page is gone goes, although the page that is left is never loaded again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tabseed-unused-'));
  const worker = join(folder, 'sw.js');
  const clock =
    "{ let shiftMs = 0; const now = Date.now; Date.now = () => now() + shiftMs; addEventListener('message', ({ data }) => { shiftMs = data?.shiftMs ?? shiftMs; }); }\n";
  await writeFile(worker, clock + (await readFile(SCRIPTS.worker, 'utf8')));
  const site = await UpdatesSite.open({ mode: 'off', scripts: { ...SCRIPTS, worker } }, { signal: false });
  try {
    const context = await (await site.stage.browser()).newContext();
    await context.clock.install();
    const old = await site.visit(context);
    await site.publish(2);
    await staged(old);
    await old.evaluate(() => tabseed.applyUpdate());
    const tab = await context.newPage();
    await tab.goto(site.stage.url);
    expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
    await tab.evaluate(() => tabseed.checkForUpdate());
    const both = await storedChunks(tab);
    await old.close();
    const passes = (shiftMs: number): Promise<void> =>
      tab.evaluate((data) => navigator.serviceWorker.controller?.postMessage(data), { shiftMs });
    // The page may come back within an hour, as out of the back/forward cache: two of the tab's words later it is still here.
    await passes(59 * 60_000);
    await tab.clock.fastForward(40 * 60_000);
    await tab.evaluate(() => tabseed.checkForUpdate());
    expect(await storedChunks(tab)).toBe(both);
    await passes(101 * 60_000);
    await tab.clock.fastForward(40 * 60_000);
    await expect.poll(() => storedChunks(tab), POLL).toBeLessThan(both * 0.7);
    expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
    expect(await tab.evaluate(() => tabseed.stats().release?.sequence)).toBe(
      (await newest(site.out)).manifest.sequence,
    );
  } finally {
    await site.close();
    await rm(folder, { recursive: true });
  }
});
