import type { Page } from 'playwright';
import { expect, it } from 'vitest';
import { POLL } from '../client-site.ts';
import { seenBy, text, UpdatesSite } from './updates-site.ts';

it('a release that one browser has reaches the others while the origin is shut: pointer, manifest and all', async () => {
  const site = await UpdatesSite.open();
  const { stage } = site;
  try {
    const browser = await stage.browser();
    const tabs = await Promise.all([1, 2, 3].map(async () => site.visit(await browser.newContext())));
    const [first, ...others] = tabs as [Page, Page, Page];
    for (const tab of tabs) await tab.waitForFunction(() => tabseed.stats().peers >= 2);
    await site.publish(2);
    const since = stage.responses.length;
    // The others are asked for nothing and ask nobody: they are told.
    await first.evaluate(() => tabseed.checkForUpdate());
    const isStaged = (tab: Page) => tab.evaluate(() => tabseed.stats().update?.staged);
    await expect.poll(() => isStaged(first), POLL).toBe(true);
    stage.refuse = () => true;
    for (const tab of others) {
      await expect.poll(() => isStaged(tab), POLL).toBe(true);
      expect(await tab.evaluate(() => tabseed.applyUpdate())).toBe(true);
      expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
      await tab.reload();
      expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
      expect(await text(tab, 'only-2.txt')).toBe('only in 2');
    }
    const answered = (path: string) =>
      stage.served((asked) => asked.startsWith(path), since).map(({ status }) => status);
    expect(answered('/tabseed/pointer')).toEqual([200]);
    // So small a manifest has no patch.
    expect(answered('/tabseed/manifest-')).toEqual([404, 200]);
  } finally {
    await site.close();
  }
});
