import { expect, it } from 'vitest';
import { failedUpdate, seenBy, staged, UpdatesSite } from './updates-site.ts';

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
