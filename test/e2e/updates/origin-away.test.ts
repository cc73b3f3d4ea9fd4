import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalPeer } from '../../../src/node/local-peer.ts';
import { POLL } from '../client-site.ts';
import { keptScripts, newest, seenBy, text, UpdatesSite } from './updates-site.ts';

const isStaged = (tab: Page) => tab.evaluate(() => tabseed.stats().update?.staged);

describe('while the origin is shut, a release', () => {
  let site: UpdatesSite;
  let tabs: [Page, Page, Page];

  beforeAll(async () => {
    site = await UpdatesSite.open();
    const browser = await site.stage.browser();
    const visit = async () => site.visit(await browser.newContext());
    tabs = await Promise.all([visit(), visit(), visit()]);
  });

  afterAll(() => site.close());

  it('that one browser has reaches the others: pointer, manifest and all', async () => {
    const { stage } = site;
    const [first, ...others] = tabs;
    for (const tab of tabs) await tab.waitForFunction(() => tabseed.stats().peers >= 2);
    await site.publish(2);
    const since = stage.responses.length;
    // The others are asked for nothing and ask nobody: they are told.
    await first.evaluate(() => tabseed.checkForUpdate());
    await expect.poll(() => isStaged(first), POLL).toBe(true);
    // Some seconds after a page has begun, its scripts are laid down.
    for (const tab of others)
      await expect.poll(() => keptScripts(tab), POLL).toMatch(/client.*simple-peer.*start-engine/);
    stage.refuse = () => true;
    for (const tab of others) {
      await expect.poll(() => isStaged(tab), POLL).toBe(true);
      expect(await tab.evaluate(() => tabseed.applyUpdate())).toBe(true);
      expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
      await tab.reload();
      expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
      expect(await text(tab, 'only-2.txt')).toBe('only in 2');
    }
    // The client scripts, too, are here: each page takes part again, in the second release, and the swarm is whole.
    for (const tab of others) {
      await tab.waitForFunction(() => 'tabseed' in globalThis && tabseed.stats().peers === 2);
      expect(await tab.evaluate(() => tabseed.stats().release?.sequence)).toBe(
        (await newest(site.out)).manifest.sequence,
      );
    }
    const answered = (path: string) =>
      stage.served((asked) => asked.startsWith(path), since).map(({ status }) => status);
    expect(answered('/tabseed/pointer')).toEqual([200]);
    // Its patch alone.
    expect(answered('/tabseed/manifest-')).toEqual([200]);
  });

  it('that a Node seed has reaches a browser of an earlier one', async () => {
    const { stage } = site;
    const [tab, ...others] = tabs;
    for (const other of others) await other.context().close();
    stage.refuse = () => false;
    await expect.poll(() => keptScripts(tab), POLL).toMatch(/client.*simple-peer.*start-engine/);
    await tab.evaluate(() => tabseed.pause());
    await site.publish(3);
    const { peer } = await startLocalPeer({ url: stage.url, store: await stage.folder() });
    try {
      await peer.mirrored;
      stage.refuse = () => true;
      const since = stage.responses.length;
      await tab.evaluate(() => tabseed.resume());
      await expect
        .poll(() => tab.evaluate(() => tabseed.stats().update), POLL)
        .toMatchObject({ sequence: peer.release.sequence, staged: true, failure: '' });
      expect(await tab.evaluate(() => tabseed.applyUpdate())).toBe(true);
      await tab.reload();
      expect(await seenBy(tab)).toEqual(['release 3', 'release 3']);
      expect(await text(tab, 'only-3.txt')).toBe('only in 3');
      // With the scripts that it has: the page takes part again.
      await tab.waitForFunction(() => 'tabseed' in globalThis && tabseed.stats().peers === 1);
      expect(stage.responses.slice(since).filter(({ status }) => status < 400)).toEqual([]);
    } finally {
      await peer.close();
    }
  });
});
