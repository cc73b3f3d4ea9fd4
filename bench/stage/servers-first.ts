import { writeFile } from 'node:fs/promises';
import type { Browser } from 'playwright';

/** A ninth of the usual weight. */
const NICE = '10';

/**
 * Origin, signaling server and tracker stand for machines of their own, and are in this process or its children: when
 * browsers fill the CPU, they must not wait for it. Linux shares it out by session (autogroup, sched(7)), of which a
 * Chromium that Playwright starts has one of its own; beside the hundred threads of twelve browsers this process waited up
 * to 5 s at a time. Elsewhere nothing is changed.
 */
export async function serversFirst(browser: Browser): Promise<void> {
  const devtools = await browser.newBrowserCDPSession();
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  await devtools.detach();
  const main = processInfo.find(({ type }) => type === 'browser');
  if (main === undefined) throw new Error('Chromium does not tell its process');
  try {
    await writeFile(`/proc/${main.id}/autogroup`, NICE);
  } catch (error) {
    // The kernel has no such groups. Anything else would make figures that are not comparable.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
