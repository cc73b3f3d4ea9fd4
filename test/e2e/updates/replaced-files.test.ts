import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { expect, it } from 'vitest';
import { openTab } from '../client-site.ts';
import { newBytes, seenBy, staged, UpdatesSite } from './updates-site.ts';

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const isContent = (path: string): boolean => path === '/large.bin' || path.startsWith('/tabseed/pack-');

/** What the page gets for the large file: its hash, or `failed`. */
function large(tab: Page): Promise<string> {
  return tab.evaluate(async () => {
    try {
      const response = await fetch('large.bin');
      if (!response.ok) return 'failed';
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await response.arrayBuffer()));
      return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
    } catch {
      return 'failed';
    }
  });
}

it.each([
  ['keeps the packs of before', true],
  ['has nothing of before any more', false],
])('a host that replaces the files of a release during a download, and %s, mixes no two releases', async (_, keeps) => {
  const site = await UpdatesSite.open({ mode: 'off' }, { signal: false });
  try {
    const tab = await openTab(await (await site.stage.browser()).newContext(), site.stage.url);
    const packs = (await readdir(join(site.out, 'tabseed'))).filter((name) => name.startsWith('pack-'));
    let publishing: Promise<void> | undefined;
    const publish = async (): Promise<void> => {
      await site.publish(2);
      if (keeps) return;
      for (const pack of packs) await rm(join(site.out, 'tabseed', pack), { force: true });
    };
    // The first answer with content is cut off in the middle, and what comes after it is from another release.
    site.stage.answer = (path, request, response) => {
      if (!isContent(path) || request.method !== 'GET') return false;
      if (publishing !== undefined) return false;
      publishing = readFile(join(site.out, path)).then(async (file) => {
        const [, first = '0', last = String(file.length - 1)] =
          /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
        const body = file.subarray(Number(first), Number(last) + 1);
        const isRange = request.headers.range !== undefined;
        response.writeHead(isRange ? 206 : 200, {
          'Content-Length': body.length,
          ...(isRange ? { 'Content-Range': `bytes ${first}-${last}/${file.length}` } : {}),
        });
        response.write(body.subarray(0, body.length >> 1));
        await publish();
        response.destroy();
      });
      return true;
    };
    const got = await large(tab);
    expect(publishing).toBeDefined();
    await publishing;
    // Whole, of one release: of that of the page as long as anybody has it.
    expect(keeps ? [hashOf(newBytes(1))] : [hashOf(newBytes(1)), 'failed']).toContain(got);
    await staged(tab);
    await tab.evaluate(() => tabseed.applyUpdate());
    await tab.reload();
    expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
    expect(await large(tab)).toBe(hashOf(newBytes(2)));
  } finally {
    await site.close();
  }
});
