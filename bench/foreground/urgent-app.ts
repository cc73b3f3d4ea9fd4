import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PublishedApp, publishApp } from '../../test/stage/app.ts';

const KIB = 1024;
/** Scripts, styles and images of an app; all urgent, as they are below 1 MiB. */
const FILE_BYTES = [4 * KIB, 32 * KIB, 128 * KIB, 512 * KIB];
/** A navigation among so many requests. */
const NAVIGATION_EVERY = 4;

/** One thing that a page waits for. */
export interface UrgentRequest {
  readonly path: string;
  readonly isNavigation: boolean;
}

/** An app with a file for each request, so that none is in the store or in a cache. */
export interface UrgentApp {
  readonly app: PublishedApp;
  readonly requests: readonly UrgentRequest[];
}

export async function urgentApp(count: number): Promise<UrgentApp> {
  const requests: UrgentRequest[] = [];
  const app = await publishApp(
    async (source) => {
      // The only page with the client: in the rival's browser the others must not bring Tabseed with them.
      const home = '<!doctype html><html><head><script type="module" src="tabseed/client.js"></script></head></html>';
      await writeFile(join(source, 'index.html'), home);
      for (let index = 0; index < count; index += 1) {
        const isNavigation = index % NAVIGATION_EVERY === NAVIGATION_EVERY - 1;
        const size = FILE_BYTES[Math.floor(index / NAVIGATION_EVERY + index) % FILE_BYTES.length] as number;
        const path = `${isNavigation ? 'page' : 'file'}-${index}.${isNavigation ? 'html' : 'bin'}`;
        const page = `<!doctype html><title>page</title><!-- ${randomBytes(12 * KIB).toString('base64')} -->`;
        await writeFile(join(source, path), isNavigation ? page : randomBytes(size));
        requests.push({ path: `/${path}`, isNavigation });
      }
    },
    { inject: false },
  );
  return { app, requests };
}
