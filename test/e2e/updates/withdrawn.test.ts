import { expect, it } from 'vitest';
import { seenBy, told, UpdatesSite } from './updates-site.ts';

it('a page whose release was withdrawn is told that it is lost, and gets the new one at its next load', async () => {
  const site = await UpdatesSite.open({ mode: 'off', withdraw: true }, { signal: false });
  try {
    const browser = await site.stage.browser();
    const tab = await site.visit(await browser.newContext());
    await site.publish(2);
    await tab.evaluate(async () => {
      const lost = new Promise<void>((resolve) => tabseed.on('unrecoverable', () => resolve()));
      await tabseed.checkForUpdate();
      await lost;
    });
    expect(await told(tab)).toContain('unrecoverable');
    expect(await tab.title()).toBe('release 1');
    await tab.reload();
    expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
  } finally {
    await site.close();
  }
});
