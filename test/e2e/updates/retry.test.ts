import { expect, it } from 'vitest';
import { POLL } from '../client-site.ts';
import { failedUpdate, told, UpdatesSite } from './updates-site.ts';

/** Not before half of that has passed, and certainly when all of it has. */
const FIRST_RETRY_MS = 20_000;

it('an update that could not be brought here is tried again by itself, later each time, and is said to fail once', async () => {
  const site = await UpdatesSite.open({ mode: 'off' }, { signal: false });
  try {
    const { stage } = site;
    const context = await (await stage.browser()).newContext();
    await context.clock.install();
    const tab = await site.visit(context);
    await site.publish(2);
    const isContent = (path: string) => path === '/large.bin' || path.startsWith('/tabseed/pack-');
    const since = stage.responses.length;
    const refused = () => stage.served(isContent, since).length;
    stage.refuse = isContent;
    expect(await failedUpdate(tab)).toBe('chunk-unavailable');
    const first = refused();
    await tab.clock.fastForward(FIRST_RETRY_MS);
    await expect.poll(refused, POLL).toBe(2 * first);
    stage.refuse = () => false;
    await tab.clock.fastForward(FIRST_RETRY_MS / 2);
    expect(await tab.evaluate(() => tabseed.stats().update?.failure)).toBe('chunk-unavailable');
    await tab.clock.fastForward(2 * FIRST_RETRY_MS);
    await expect
      .poll(() => tab.evaluate(() => tabseed.stats().update), POLL)
      .toMatchObject({ staged: true, failure: '' });
    expect((await told(tab)).filter((name) => name === 'update-failed')).toHaveLength(1);
    // Nobody has looked for news meanwhile.
    expect(stage.served((path) => path === '/tabseed/pointer.bin', since)).toHaveLength(1);
  } finally {
    await site.close();
  }
});
