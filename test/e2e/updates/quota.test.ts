import { createHash } from 'node:crypto';
import type { Page } from 'playwright';
import { expect, it } from 'vitest';
import { LOOK_INTERVAL_MS } from '../../../src/client/store-keeper.ts';
import { POLL, storedChunks } from '../client-site.ts';
import { failedUpdate, newBytes, seenBy, staged, UpdatesSite } from './updates-site.ts';

/** Room for release 1 of 3 MB, and not for a second one beside it. */
const QUOTA_BYTES = 4_200_000;

it('a quota that is full while an update comes leaves the old release whole; with more room it arrives', async () => {
  const site = await UpdatesSite.open({ mode: 'off' }, { signal: false });
  const context = await (await site.stage.browser()).newContext();
  // Before the database is opened: an open one keeps the quota that it had.
  const blank = await context.newPage();
  await blank.goto(site.stage.blankUrl);
  const devtools = await context.newCDPSession(blank);
  const origin = site.stage.url;
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: QUOTA_BYTES });
  const tab = await site.visit(context);
  await site.publish(2);
  expect(await failedUpdate(tab)).toBe('store-full');
  await tab.reload();
  expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
  await devtools.send('Storage.overrideQuotaForOrigin', { origin });
  await staged(tab);
  await tab.evaluate(() => tabseed.applyUpdate());
  await tab.reload();
  expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
  await site.close();
});

/** Half of it is room for one release of 3 MB, and not for two. */
const CACHE_QUOTA_BYTES = 8_400_000;

it('a store above its share of the quota loses what only the old release has, without peers too, and all goes on', async () => {
  const site = await UpdatesSite.open({ mode: 'off' }, { signal: false });
  const context = await (await site.stage.browser()).newContext();
  await context.clock.install();
  // Chromium says 10 GiB more than what is used, whatever the quota is.
  await context.addInitScript((quota) => {
    navigator.storage.estimate = () => Promise.resolve({ quota });
  }, CACHE_QUOTA_BYTES);
  const tab = await site.visit(context);
  await site.publish(2);
  await staged(tab);
  await tab.evaluate(() => tabseed.applyUpdate());
  const other = await context.newPage();
  await other.goto(site.stage.url);
  const before = await storedChunks(tab);
  await tab.clock.fastForward(LOOK_INTERVAL_MS);
  // 2.4 of 6 MB, in chunks of 64 KB on average.
  await expect.poll(() => storedChunks(tab), POLL).toBeLessThan(before * 0.7);
  const large = (page: Page) =>
    page.evaluate(async () => {
      const digest = await crypto.subtle.digest('SHA-256', await (await fetch('large.bin')).arrayBuffer());
      return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
    });
  const hashOf = (number: number) => createHash('sha256').update(newBytes(number)).digest('hex');
  const isContent = (path: string) => path === '/large.bin' || path.startsWith('/tabseed/pack-');
  const since = site.stage.responses.length;
  expect(await large(other)).toBe(hashOf(2));
  expect(site.stage.served(isContent, since)).toEqual([]);
  expect(await large(tab)).toBe(hashOf(1));
  expect(site.stage.served(isContent, since).length).toBeGreaterThan(0);
  await site.close();
});
