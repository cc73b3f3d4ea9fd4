import type { Page } from 'playwright';
import { expect, it } from 'vitest';
import { chunksOfFile, type Manifest } from '../../../src/protocol/manifest.ts';
import { openTab, storedChunkIds } from '../client-site.ts';
import { newBytes, newest, seenBy, text, told, UpdatesSite } from './updates-site.ts';

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

const HALF_BYTES = 1_000_000;
const PART_BYTES = 100_000;
/** Further on than the chunk that the half before it ends in. */
const OWN_START = HALF_BYTES + 300_000;

/** The first half is in every release, the other in this one alone. */
function halfNew(release: number): Uint8Array {
  return Buffer.concat([newBytes(0, HALF_BYTES), newBytes(release, HALF_BYTES)]);
}

/** What a page gets of the large file from `start` on: whether it is what release 1 has there, or the status of a failure. */
async function part(tab: Page, start: number): Promise<boolean | number> {
  const got = await tab.evaluate(
    async (range) => {
      const response = await fetch('large.bin', { headers: { Range: range } });
      return response.status === 206 ? Array.from(new Uint8Array(await response.arrayBuffer())) : response.status;
    },
    `bytes=${start}-${start + PART_BYTES - 1}`,
  );
  return typeof got === 'number' ? got : Buffer.from(got).equals(halfNew(1).subarray(start, start + PART_BYTES));
}

const chunksOf = (manifest: Manifest) =>
  new Set(manifest.files.flatMap((file) => chunksOfFile(manifest, file)).map(({ id }) => id));

it('what only a withdrawn release has is deleted with one check, and another browser gets none of it any more', async () => {
  const site = await UpdatesSite.open({ withdraw: true }, {}, halfNew);
  try {
    const browser = await site.stage.browser();
    const giver = await site.visit(await browser.newContext());
    const late = await browser.newContext();
    // By its clock every later pointer has ended: it goes on with release 1, and wants the files of that.
    await late.addInitScript('{ const now = Date.now; Date.now = () => now() + 1e12; }');
    const taker = await openTab(late, site.stage.url);
    for (const tab of [giver, taker]) await tab.waitForFunction(() => tabseed.stats().peers === 1);
    site.stage.refuse = (path) => !/^\/tabseed\/(?:pointer|manifest-)/.test(path);
    expect([await text(taker, 'only-1.txt'), await part(taker, 0), await part(taker, OWN_START)]).toEqual([
      'only in 1',
      true,
      true,
    ]);

    const { manifest: first } = await newest(site.out);
    await site.publish(2);
    const kept = chunksOf((await newest(site.out)).manifest);
    const gone = [...chunksOf(first)].filter((id) => !kept.has(id));
    const storedOf = async () => (await storedChunkIds(giver)).filter((id) => gone.includes(id)).length;
    expect(await storedOf()).toBeGreaterThan(8);
    await giver.evaluate(() => tabseed.checkForUpdate());
    expect(await storedOf()).toBe(0);

    const { uploaded } = await giver.evaluate(() => tabseed.stats().bytes);
    const inVain = [text(taker, 'frame.html'), part(taker, OWN_START + 3 * PART_BYTES)];
    expect(await Promise.all(inVain)).toEqual(['503', 503]);
    expect(await giver.evaluate(() => tabseed.stats().bytes.uploaded)).toBe(uploaded);
    // Nobody has hung up.
    for (const tab of [giver, taker]) expect(await tab.evaluate(() => tabseed.stats().peers)).toBe(1);
    expect(await taker.evaluate(() => tabseed.stats().release)).toMatchObject({ sequence: first.sequence });
  } finally {
    await site.close();
  }
});
