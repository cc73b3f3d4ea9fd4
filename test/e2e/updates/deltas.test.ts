import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deltaSource, isDeltaPath, manifestPatchPath, POINTER_PATH } from '../../../src/protocol/layout.ts';
import { chunksOfFile } from '../../../src/protocol/manifest.ts';
import { POLL } from '../client-site.ts';
import { spoilStore } from '../worker/site.ts';
import { newBytes, newest, seenBy, staged, UpdatesSite } from './updates-site.ts';

const LINES = 24_000;

/** Some 1 MB of text, of which each release has other lines here and there: most chunks change, and little in each. */
function text(release: number): string {
  const bytes = newBytes(1, LINES * 16);
  const lines: string[] = [];
  for (let line = 0; line < LINES; line += 1) {
    const start = line * 16;
    const own = line % 16 === 0 ? newBytes(release * LINES + line, 12) : bytes.subarray(start, start + 12);
    lines.push(`line ${line} ${Buffer.from(own).toString('hex')} of all`);
  }
  return lines.join('\n');
}

const isContent = (path: string) =>
  path.startsWith('/tabseed/pack-') || /^\/(?:large\.bin|[\w-]*\.(?:html|txt))?$/.test(path);
/** All that an update takes but scripts, which stay as they are. */
const isUpdate = (path: string) => isContent(path) || /^\/tabseed\/(?:pointer|manifest-)/.test(path);

describe('an update of which little is new', () => {
  let site: UpdatesSite;
  let browser: Browser;
  let tabs: Page[];
  let deltaBytes: number;
  /** Delta, manifest patch and pointer. */
  let allBytes: number;
  let packedBytes: number;

  beforeAll(async () => {
    site = await UpdatesSite.open({ boot: true }, {}, text);
    browser = await site.stage.browser();
    tabs = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const context = await browser.newContext({ serviceWorkers: 'allow' });
        // As one that had its first visit: it is not held up.
        await context.addInitScript(() => sessionStorage.setItem('tabseed boot', '0'));
        return site.visit(context);
      }),
    );
    const before = await newest(site.stage.out);
    await site.publish(2);
    const { hash, manifest } = await newest(site.stage.out);
    const sum = (isIn: (path: string) => boolean) =>
      manifest.files
        .filter(({ path }) => isIn(path))
        .flatMap((file) => chunksOfFile(manifest, file))
        .reduce((total, { encodedBytes }) => total + encodedBytes, 0);
    const [patch, pointer] = await Promise.all(
      [manifestPatchPath(hash, before.hash), POINTER_PATH].map((path) => stat(join(site.stage.out, path))),
    );
    deltaBytes = sum((path) => deltaSource(path) === before.hash);
    allBytes = deltaBytes + (patch?.size ?? 0) + (pointer?.size ?? 0);
    packedBytes = sum((path) => !isDeltaPath(path));
  });

  afterAll(() => site.close());

  it('costs the origin one copy of delta, manifest patch and pointer for three browsers, and nobody reloads', async () => {
    expect(deltaBytes).toBeGreaterThan(10_000);
    expect(deltaBytes).toBeLessThan(packedBytes / 4);
    const three = tabs.slice(0, 3);
    const navigations: string[] = [];
    for (const tab of three) {
      await tab.waitForFunction(() => tabseed.stats().peers >= 2);
      tab.on('framenavigated', (frame) => navigations.push(frame.url()));
    }
    const since = site.stage.responses.length;
    // One looks for news, as one does when nobody is told to; the others hear of it.
    await tabs[0]?.evaluate(() => tabseed.checkForUpdate());
    for (const tab of three)
      await expect.poll(() => tab.evaluate(() => tabseed.stats().update?.staged), POLL).toBe(true);
    const taken = site.stage.served(isUpdate, since).reduce((sum, { bytes }) => sum + bytes, 0);
    // What is new besides the large file is in the delta too.
    expect(taken).toBeLessThanOrEqual(1.1 * allBytes);
    const whole = site.stage.served((path) => /^\/tabseed\/manifest-\w+\.bin/.test(path), since);
    expect(whole).toEqual([]);
    expect(navigations).toEqual([]);
    site.stage.refuse = isContent;
    for (const tab of three) {
      expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
      await tab.reload();
      expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
      expect(await tab.evaluate(async () => (await fetch('large.bin')).text())).toBe(text(2));
    }
    site.stage.refuse = () => false;
  });

  it('reaches a fourth, fresh browser from those three: the origin gives it the first document alone', async () => {
    const since = site.stage.responses.length;
    // The first visit in boot mode loads once more, out of the store.
    site.stage.refuse = (path) => path !== '/' && isContent(path);
    const fresh = await (await browser.newContext()).newPage();
    await fresh.goto(site.stage.url, { waitUntil: 'commit' });
    const titleAndFile = () => seenBy(fresh).catch(() => undefined);
    await expect.poll(titleAndFile, POLL).toEqual(['release 2', 'release 2']);
    await fresh.evaluate(() => tabseed.prefetch(['large.bin']));
    expect(await fresh.evaluate(async () => (await fetch('large.bin')).text())).toBe(text(2));
    const documents = site.stage.served((path) => path === '/', since);
    expect(documents.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(2000);
    expect(
      site.stage.served((path) => path !== '/' && isContent(path), since).filter(({ status }) => status < 400),
    ).toEqual([]);
    await fresh.context().close();
    site.stage.refuse = () => false;
  });

  it('reaches a browser whose store was damaged all the same', async () => {
    const tab = tabs[3] as Page;
    expect(await spoilStore(tab, 'damage')).toBeGreaterThan(3);
    await staged(tab);
    await tab.reload();
    expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
    expect(await tab.evaluate(async () => (await fetch('large.bin')).text())).toBe(text(2));
  });

  it('reaches browsers whose manifest patch is wrong: one takes it whole, the others have it of that one', async () => {
    await site.publish(3);
    site.stage.answer = (path, _, response) => {
      const isPatch = path.includes('-from-');
      if (isPatch) response.end('no patch');
      return isPatch;
    };
    const since = site.stage.responses.length;
    const [tab, other] = tabs as [Page, Page];
    await tab.evaluate(() => tabseed.checkForUpdate());
    for (const each of [tab, other])
      await expect.poll(() => each.evaluate(() => tabseed.stats().update?.staged), POLL).toBe(true);
    const paths = site.stage.served((path) => path.startsWith('/tabseed/manifest-'), since).map(({ path }) => path);
    expect(paths).toEqual([expect.stringContaining('-from-'), expect.stringMatching(/^\/tabseed\/manifest-\w+\.bin$/)]);
    await tab.reload();
    expect(await seenBy(tab)).toEqual(['release 3', 'release 3']);
  });
});

it('a browser that is three releases behind, older than all deltas, gets the next one by chunks, unasked', async () => {
  const site = await UpdatesSite.open({ mode: 'off' }, { signal: false }, text);
  try {
    const { stage } = site;
    const tab = await site.visit(await (await stage.browser()).newContext());
    const before = await newest(site.out);
    for (const number of [2, 3, 4]) await site.publish(number);
    const { manifest } = await newest(site.out);
    const sources = manifest.files.map(({ path }) => deltaSource(path)).filter((source) => source !== undefined);
    expect(sources).toHaveLength(2);
    expect(sources).not.toContain(before.hash);
    const navigations: string[] = [];
    tab.on('framenavigated', (frame) => navigations.push(frame.url()));
    const since = stage.responses.length;
    // The one look for news that each page has in time; what comes of it is its own doing.
    await tab.evaluate(() => tabseed.checkForUpdate());
    await expect
      .poll(() => tab.evaluate(() => tabseed.stats().update), POLL)
      .toMatchObject({ staged: true, failure: '' });
    // As much as the chunks of its files, and none of the deltas.
    const chunks = new Map(
      manifest.files
        .filter(({ path }) => !isDeltaPath(path))
        .flatMap((file) => chunksOfFile(manifest, file))
        .map(({ id, encodedBytes }) => [id, encodedBytes]),
    );
    const packedBytes = [...chunks.values()].reduce((sum, bytes) => sum + bytes, 0);
    const taken = stage.served(isContent, since).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(taken).toBeGreaterThan(packedBytes / 2);
    expect(taken).toBeLessThanOrEqual(1.01 * packedBytes);
    expect(navigations).toEqual([]);
    expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
    stage.refuse = isContent;
    expect(await tab.evaluate(() => tabseed.applyUpdate())).toBe(true);
    await tab.reload();
    expect(await seenBy(tab)).toEqual(['release 4', 'release 4']);
    expect(await tab.evaluate(async () => (await fetch('large.bin')).text())).toBe(text(4));
  } finally {
    await site.close();
  }
});
