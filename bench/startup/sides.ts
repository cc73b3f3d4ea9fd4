import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isStartFile } from '../../src/core/start-file.ts';
import type { PublishedApp } from '../../test/stage/app.ts';
import { Stage } from '../../test/stage/stage.ts';
import type { BareContext, BarePage } from '../stage/bare-browser.ts';
import { bundle } from '../stage/bundle.ts';
import { PlainServer } from './plain-server.ts';

/** One way in which an app gets its files when it is started again. */
export interface Side {
  readonly name: string;
  readonly url: string;
  /** Has the browser keep everything. */
  install(page: BarePage): Promise<void>;
  close(): Promise<void>;
}

const PAGE = '/index.html';
const CLIENT = /<script [^>]*tabseed[^>]*><\/script>/;

export async function sidesOf(app: PublishedApp): Promise<readonly Side[]> {
  const paths = app.manifest.files.map(({ path }) => path);
  const startFiles = app.manifest.files.filter(isStartFile).length;
  const html = (await readFile(join(app.out, PAGE), 'utf8')).replace(CLIENT, '');
  const precached = [...app.hashes].map(([path, hash]) => ({ url: path, revision: hash }));
  const rival = new Map([
    [PAGE, html.replace('</head>', `<script>navigator.serviceWorker.register('sw.js')</script></head>`)],
    [
      '/sw.js',
      `self.precached=${JSON.stringify(precached)};\n${await bundle(join(import.meta.dirname, 'workbox-worker.ts'))}`,
    ],
  ]);
  const plain = new Map([[PAGE, html]]);
  const stage = await Stage.open(app.out);
  return [
    {
      name: 'tabseed',
      url: stage.url,
      install: async (page) => {
        await page.evaluate(async (urls) => {
          await tabseed.ready;
          await tabseed.prefetch(urls);
        }, paths);
        // A Workbox worker has all of its cache when it is installed; here a page that stays open fills it.
        await page.evaluate(async (count) => {
          for (;;) {
            const [name] = await caches.keys();
            const kept = name === undefined ? [] : await (await caches.open(name)).keys();
            // Tabseed's own scripts are there, too.
            if (kept.filter(({ url }) => !url.includes('/tabseed/')).length === count) return;
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
        }, startFiles);
      },
      close: () => stage.close(),
    },
    served('workbox', await PlainServer.open(app.out, 'no-cache', rival), async (page) => {
      await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated', null);
    }),
    served('http', await PlainServer.open(app.out, 'max-age=31536000, immutable', plain), () => Promise.resolve()),
    served('none', await PlainServer.open(app.out, 'no-store', plain), () => Promise.resolve()),
  ];
}

function served(name: string, server: PlainServer, install: Side['install']): Side {
  return {
    name,
    url: server.url,
    install,
    close: () => {
      server.close();
      return Promise.resolve();
    },
  };
}

/** Starts the app in a new tab. @returns milliseconds until it could be used */
export async function startOnce(context: BareContext, side: Side, install: boolean): Promise<number> {
  const page = await context.newPage();
  await page.goto(side.url);
  await page.waitForFunction(() => (globalThis as { startedMs?: number }).startedMs !== undefined, null);
  const ms = await page.evaluate(() => (globalThis as unknown as { startedMs: number }).startedMs);
  if (install) await side.install(page);
  await page.close();
  return ms;
}
