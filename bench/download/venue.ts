import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright';
import { bulkApp } from '../../test/stage/app.ts';
import { CappedOrigin } from '../../test/stage/capped-origin.ts';
import { Stage } from '../../test/stage/stage.ts';
import { Ring } from '../ring/ring.ts';
import { Scripts } from '../stage/scripts.ts';
import { serversFirst } from '../stage/servers-first.ts';

/** The one large file of the app. */
export const FILE = 'bulk.bin';
const BYTES_PER_MIB = 1024 * 1024;

/** A published file behind a line of a given speed, a Chromium, and what every way of downloading needs. */
export interface Venue {
  readonly stage: Stage;
  readonly browser: Browser;
  readonly scripts: Scripts;
  readonly ring: Ring;
  readonly bytes: number;
  readonly content: Buffer;
  /** Bytes of content that the origin has sent so far, of the file and of all that describes or contains it. */
  originBytes(): number;
  close(): Promise<void>;
}

export async function openVenue(mb: number, originMbps: number): Promise<Venue> {
  // Random, as media and archives are to a compressor: what is measured is who sends the bytes, not deflate.
  const app = await bulkApp({ [FILE]: mb * BYTES_PER_MIB });
  const stage = await Stage.open(app.out);
  try {
    new CappedOrigin(stage, originMbps, isContent);
    const scripts = new Scripts(stage);
    const browser = await stage.browser();
    await serversFirst(browser);
    return {
      stage,
      browser,
      scripts,
      ring: await Ring.open(browser, scripts),
      bytes: mb * BYTES_PER_MIB,
      content: await readFile(join(app.out, FILE)),
      originBytes: () => stage.served(isContent).reduce((sum, { bytes }) => sum + bytes, 0),
      close: async () => {
        await stage.close();
        await app.remove();
      },
    };
  } catch (error) {
    await stage.close();
    await app.remove();
    throw error;
  }
}

function isContent(path: string): boolean {
  return path === `/${FILE}` || path.includes('/tabseed/pack-') || path.includes('/tabseed/manifest-');
}
