import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POLL } from '../client-site.ts';
import { stopWorkers } from '../worker/site.ts';
import {
  failedUpdate,
  openFrame,
  reloadFrame,
  seenBy,
  seenInFrame,
  staged,
  text,
  textInBlobWorker,
  told,
  UpdatesSite,
} from './updates-site.ts';

/** Packs and plain files of the app; not the scripts. */
const content = (path: string) =>
  !/^\/tabseed(?:\/(?:client|updates|release-files|start-engine|simple-peer|pointer|manifest)|-sw)/.test(path);

describe('a release that is published while a page is open', () => {
  let site: UpdatesSite;
  let browser: Browser;
  let tab: Page;

  beforeAll(async () => {
    // Without a signaling server, and without asking for one.
    site = await UpdatesSite.open({ mode: 'off' }, { signal: false });
    browser = await site.stage.browser();
    tab = await site.visit(await browser.newContext());
  });

  afterAll(() => site.close());

  it('is not used before all of it is here, and the work done is kept when that fails', async () => {
    await site.publish(2);
    const since = site.stage.responses.length;
    // The packs are there in part: everything but the large file.
    site.stage.refuse = (path) => path === '/large.bin' || path.startsWith('/tabseed/pack-');
    expect(await failedUpdate(tab)).toBe('chunk-unavailable');
    expect(await told(tab)).toEqual(['update-available', 'update-progress', 'update-failed']);
    await tab.reload();
    expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
    expect(site.stage.served((path) => path === '/what.txt', since).length).toBeGreaterThan(0);
    site.stage.refuse = () => false;
  });

  it('is brought here in the background, in mode off too, and the page stays on its own', async () => {
    const { href } = new URL(tab.url());
    await staged(tab);
    expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
    expect(await tab.evaluate(() => tabseed.stats().update)).toMatchObject({ staged: true, failure: '' });
    expect(tab.url()).toBe(href);
  });

  it('is still there after the worker was killed between download and activation', async () => {
    await stopWorkers(tab.context(), tab);
    expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
    await expect.poll(() => tab.evaluate(() => tabseed.stats().update?.staged), POLL).toBe(true);
  });

  it('is what a page gets at its next load once it was applied, from the store alone; others go on', async () => {
    const other = await tab.context().newPage();
    await other.goto(site.stage.url);
    expect(await seenBy(other)).toEqual(['release 1', 'release 1']);
    site.stage.refuse = content;
    expect(await tab.evaluate(() => tabseed.applyUpdate())).toBe(true);
    // A reload gives the page another one.
    expect(await tab.evaluate(() => tabseed.applyUpdate())).toBe(true);
    await expect.poll(() => tab.evaluate(() => tabseed.stats().update), POLL).toBe(null);
    expect(await tab.evaluate(() => tabseed.applyUpdate())).toBe(true);
    expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
    await other.reload();
    expect(await seenBy(other)).toEqual(['release 2', 'release 2']);
    // The first tab loads what it has not loaded before, which the origin has no more.
    expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
    expect(await text(tab, 'only-1.txt')).toBe('only in 1');
    expect(await text(other, 'only-2.txt')).toBe('only in 2');
    // Workers of blobs and frames come without a name: each gets its own tab's release all the same.
    expect(await textInBlobWorker(tab, 'only-1.txt')).toBe('only in 1');
    expect(await textInBlobWorker(other, 'only-2.txt')).toBe('only in 2');
    expect(await seenInFrame(tab, 'what.txt')).toEqual(['frame of 1', 'release 1']);
    expect(await seenInFrame(other, 'what.txt')).toEqual(['frame of 2', 'release 2']);
    expect(await textInBlobWorker(tab, 'what.txt')).toBe('release 1');
    expect(await textInBlobWorker(other, 'what.txt')).toBe('release 2');
    // Also beside a frame of the other page that shows the same, and once more when a frame loads itself anew.
    await openFrame(other);
    expect(await openFrame(tab)).toBe('frame of 1');
    expect(await reloadFrame(tab)).toBe('frame of 1');
    expect(await reloadFrame(other)).toBe('frame of 2');
    await stopWorkers(tab.context(), tab);
    expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
    expect(await seenBy(other)).toEqual(['release 2', 'release 2']);
    await other.close();
    // Where all pages agree, so do their frames and workers.
    expect(await seenInFrame(tab, 'what.txt')).toEqual(['frame of 1', 'release 1']);
    expect(await textInBlobWorker(tab, 'what.txt')).toBe('release 1');
    await tab.reload();
    expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
    expect(await tab.evaluate(() => tabseed.applyUpdate())).toBe(false);
    site.stage.refuse = () => false;
  });
});

describe('two releases that are published during one download', () => {
  it('end with the newer one, and nothing of the one between is seen', async () => {
    const site = await UpdatesSite.open({ updates: 'on-next-load' });
    const browser = await site.stage.browser();
    const tab = await site.visit(await browser.newContext());
    const before = await tab.evaluate(() => tabseed.stats().release?.sequence);
    await site.publish(2);
    const held: (() => void)[] = [];
    const isPack = (path: string) => path.startsWith('/tabseed/pack-') || path === '/large.bin';
    const asked = new Promise<void>((resolve) => {
      site.stage.answer = (path, _, response) => {
        if (!isPack(path)) return false;
        held.push(() => response.destroy());
        resolve();
        return true;
      };
    });
    await tab.evaluate(() => tabseed.checkForUpdate());
    await asked;
    await site.publish(3);
    site.stage.answer = () => false;
    await tab.evaluate(() => tabseed.checkForUpdate());
    for (const end of held) end();
    // The policy of this app: without being asked, at the next load.
    const isApplied = () =>
      tab.evaluate((old) => {
        const { release, update } = tabseed.stats();
        return update === null && release !== null && release.sequence > old;
      }, before ?? 0);
    await expect.poll(isApplied, POLL).toBe(true);
    expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
    await tab.reload();
    expect(await seenBy(tab)).toEqual(['release 3', 'release 3']);
    await site.close();
  });
});

describe('the policy immediately', () => {
  it('gives a release to pages that are loaded, tells those that are open, and reloads none', async () => {
    const site = await UpdatesSite.open({ updates: 'immediately', mode: 'off' }, { signal: false });
    const browser = await site.stage.browser();
    const tab = await site.visit(await browser.newContext());
    await site.publish(2);
    await tab.evaluate(async () => {
      const ready = new Promise<void>((resolve) => tabseed.on('update-ready', () => resolve()));
      await tabseed.checkForUpdate();
      await ready;
    });
    await expect.poll(() => tab.evaluate(() => tabseed.stats().update), POLL).toBe(null);
    const other = await tab.context().newPage();
    await other.goto(site.stage.url);
    expect(await seenBy(other)).toEqual(['release 2', 'release 2']);
    expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
    // So quick a download may be over before there is progress to tell.
    const names = (await told(tab)).filter((name) => name !== 'update-progress');
    expect(names).toEqual(['update-available', 'update-ready']);
    expect(await tab.evaluate(() => tabseed.applyUpdate())).toBe(true);
    await tab.reload();
    expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
    await site.close();
  });
});

describe('a lazy file', () => {
  it.each([
    { named: 'by a glob', options: { lazy: ['large.bin'] } },
    { named: 'by its size', options: { lazyAboveBytes: 100_000 } },
  ])('never delays an update, $named', async ({ options }) => {
    const site = await UpdatesSite.open({ ...options, mode: 'off' });
    const browser = await site.stage.browser();
    const tab = await site.visit(await browser.newContext());
    await site.publish(2);
    // Nobody gives the large file.
    site.stage.refuse = (path) => path === '/large.bin' || path.startsWith('/tabseed/pack-');
    await staged(tab);
    site.stage.refuse = () => false;
    await tab.reload();
    expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
    await site.close();
  });

  it('that was used is brought up to date after the release, which did not wait for it', async () => {
    const site = await UpdatesSite.open(
      { lazy: ['large.bin'], mode: 'off' },
      { signal: false },
      (number) => `large of ${number}`,
    );
    const browser = await site.stage.browser();
    const tab = await site.visit(await browser.newContext());
    await site.publish(2);
    const since = site.stage.responses.length;
    await staged(tab);
    const isFetched = () =>
      site.stage.served((path) => path === '/large.bin' || path.startsWith('/tabseed/pack-'), since);
    await expect.poll(() => isFetched().length, POLL).toBeGreaterThan(0);
    await tab.evaluate(() => tabseed.applyUpdate());
    const hasLarge = async () => {
      await tab.reload();
      site.stage.refuse = content;
      const got = await text(tab, 'large.bin').catch(() => 'failed');
      site.stage.refuse = () => false;
      return got;
    };
    await expect.poll(hasLarge, POLL).toBe('large of 2');
    await site.close();
  });
});
