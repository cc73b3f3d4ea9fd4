import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { expect, it } from 'vitest';
import { POINTER_PATH } from '../../../src/protocol/layout.ts';
import { generateKey } from '../../../src/publisher/index.ts';
import { POLL } from '../client-site.ts';
import { forgedPointer } from './forged-pointer.ts';
import { keptScripts, seenBy, staged, UpdatesSite } from './updates-site.ts';

/** The worker script that is in use names so many keys; browsers look for another one when a page is loaded. */
async function keysInUse(tab: Page): Promise<number> {
  return tab.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.update();
    if (registration.installing ?? registration.waiting) return 0;
    const [line = ''] = (await (await fetch(registration.active?.scriptURL ?? '')).text()).split('\n', 1);
    return (JSON.parse(line.slice(line.indexOf('=') + 1).replace(/;$/, '')) as { keys: string[] }).keys.length;
  });
}

it('a browser follows its app from one key to another, loses nothing, and trusts the old one no longer', async () => {
  const next = generateKey().pem;
  const site = await UpdatesSite.open({ mode: 'off' }, { signal: false });
  try {
    const tab = await site.visit(await (await site.stage.browser()).newContext());
    const loads = async (release: string): Promise<void> => {
      await staged(tab);
      await tab.evaluate(() => tabseed.applyUpdate());
      await tab.reload();
      expect(await seenBy(tab)).toEqual([release, release]);
    };
    await site.publish(2, next + site.key);
    await expect.poll(() => keysInUse(tab), POLL).toBe(2);
    await loads('release 2');
    await site.publish(3, next);
    await expect.poll(() => keysInUse(tab), POLL).toBe(1);
    await loads('release 3');
    // What it has is still its own: the worker that knows the new key alone answers while the origin is away.
    await expect.poll(() => keptScripts(tab), POLL).toContain('/tabseed/client.js');
    site.stage.refuse = () => true;
    await tab.reload();
    expect(await seenBy(tab)).toEqual(['release 3', 'release 3']);
    site.stage.refuse = () => false;
    const pointer = new Uint8Array(await readFile(join(site.out, POINTER_PATH)));
    const forged = forgedPointer(pointer, {}, site.key);
    site.stage.answer = (path, _, response) => {
      if (path !== `/${POINTER_PATH}`) return false;
      response.end(forged);
      return true;
    };
    const refusal = await tab.evaluate(() =>
      tabseed.checkForUpdate().then(
        () => undefined,
        (error: unknown) => (error as { readonly detail?: string }).detail,
      ),
    );
    expect(refusal).toBe('bad-signature');
  } finally {
    await site.close();
  }
});
