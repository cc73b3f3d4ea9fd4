import type { Browser } from 'playwright';
import { publishApp } from '../../test/stage/app.ts';
import { Stage } from '../../test/stage/stage.ts';
import { type Benchmark, rounded } from '../benchmark.ts';
import { LEFT_OUT } from '../update/release-folder.ts';
import { appIn, type FirstLoadApp, realApps } from './apps.ts';
import { compressFiles } from './compressed-origin.ts';

/** What every app takes beside its files. */
const BOOTSTRAP = /^\/(?:tabseed-sw\.js|tabseed\/(?:pointer\.bin|.*\.js))$/;
const MANIFEST = /^\/tabseed\/manifest-/;
const PACK = /^\/tabseed\/pack-/;

export const benchmark: Benchmark = {
  summary: 'bytes that a fresh browser takes for a whole release when it is alone, against brotli of its files',
  options: [
    { name: 'dir', unit: 'folder', summary: 'an app with an index.html; without it, n8n and Monaco', default: '' },
  ],
  async run(_, { dir = '' }) {
    const apps: Record<string, object> = {};
    for (const app of dir === '' ? realApps() : [appIn(dir)]) {
      apps[app.name] = await measure(app);
      process.stderr.write(`${app.name} ${JSON.stringify(apps[app.name])}\n`);
    }
    return { apps, targets: { ratio: 1.03 } };
  },
};

async function measure({ fill }: FirstLoadApp): Promise<object> {
  const app = await publishApp(fill, { exclude: LEFT_OUT });
  const sent = await compressFiles(app.out);
  const brotliBytes = sum(app.manifest.files.map(({ path }) => sent.get(path) ?? 0));
  const stage = await Stage.open(app.out);
  try {
    await loadWhole(
      await stage.browser(),
      stage.url,
      app.manifest.files.map(({ path }) => path),
    );
    const bytesOf = (matches: (path: string) => boolean): number =>
      sum(stage.served(matches).map(({ bytes }) => bytes));
    const bytes = bytesOf(() => true);
    return {
      bytes,
      brotliBytes,
      ratio: rounded(bytes / brotliBytes, 4),
      bootstrapBytes: bytesOf((path) => BOOTSTRAP.test(path)),
      manifestBytes: bytesOf((path) => MANIFEST.test(path)),
      packBytes: bytesOf((path) => PACK.test(path)),
      requests: stage.responses.length,
    };
  } finally {
    await stage.close();
    await app.remove();
  }
}

/** The page's own load, then everything else, as an app that wants to work offline would ask for it. */
async function loadWhole(browser: Browser, url: string, paths: readonly string[]): Promise<void> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url, { waitUntil: 'networkidle' });
  await page.evaluate(async (urls) => {
    await tabseed.ready;
    await tabseed.prefetch(urls);
  }, paths);
  await context.close();
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
