import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SCRIPTS } from '../../stage/app.ts';
import { seenBy, staged, UpdatesSite } from './updates-site.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

it.each([
  ['ahead', DAY_MS],
  ['behind', -DAY_MS],
])('an update arrives in a browser whose clock is a day %s', async (_, shiftMs) => {
  // In the page and in the worker alike: whatever asks for the time gets the wrong one.
  const shift = `{ const now = Date.now; Date.now = () => now() + ${shiftMs}; }\n`;
  const folder = await mkdtemp(join(tmpdir(), 'tabseed-clock-'));
  const worker = join(folder, 'sw.js');
  await writeFile(worker, shift + (await readFile(SCRIPTS.worker, 'utf8')));
  const site = await UpdatesSite.open(
    { mode: 'off', scripts: { ...SCRIPTS, worker } },
    { signal: false },
    (number) => `large of ${number}`,
  );
  try {
    const context = await (await site.stage.browser()).newContext();
    await context.addInitScript(shift);
    const tab = await site.visit(context);
    const skewMs = await tab.evaluate(() => Date.now() - performance.timeOrigin - performance.now());
    expect(Math.abs(skewMs - shiftMs)).toBeLessThan(60_000);
    await site.publish(2);
    await staged(tab);
    expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
    expect(await tab.evaluate(() => tabseed.applyUpdate())).toBe(true);
    await tab.reload();
    expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
  } finally {
    await site.close();
    await rm(folder, { recursive: true });
  }
});
