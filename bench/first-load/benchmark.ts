import type { Browser } from 'playwright';
import { publishApp } from '../../test/stage/app.ts';
import { Stage } from '../../test/stage/stage.ts';
import { type Benchmark, rounded } from '../benchmark.ts';
import { LEFT_OUT } from '../update/release-folder.ts';
import { appIn, type FirstLoadApp, realApps } from './apps.ts';
import { compressFiles } from './compressed-origin.ts';

/** Who have the app before the last one comes. */
const OTHERS = 5;
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

async function measure(app: FirstLoadApp): Promise<object> {
  const alone = await visit(app, 0);
  const amongOthers = await visit(app, OTHERS);
  const { bytes, brotliBytes } = alone;
  return {
    ...alone,
    ratio: rounded(bytes / brotliBytes, 4),
    bootBytes: amongOthers.bytes,
    bootRatio: rounded(amongOthers.bytes / brotliBytes, 4),
    bootKinds: kindsOf(amongOthers),
  };
}

/** What the bytes of a visit are. */
function kindsOf({ bootstrapBytes, manifestBytes, packBytes, wholeBytes, cutBytes, notModified }: Visit): object {
  return { bootstrapBytes, manifestBytes, packBytes, wholeBytes, cutBytes, notModified };
}

interface Visit {
  /** Body bytes that the server sent to the last visitor, of everything. */
  readonly bytes: number;
  readonly brotliBytes: number;
  readonly bootstrapBytes: number;
  readonly manifestBytes: number;
  readonly packBytes: number;
  /** Of the app's own files that came whole; and of those that were cut off, as handed to the socket. */
  readonly wholeBytes: number;
  readonly cutBytes: number;
  /** Answers with 304. */
  readonly notModified: number;
  readonly requests: number;
}

/** @param others browsers that have all of it and stay open; with any, the app is published with `--boot`. */
async function visit({ fill }: FirstLoadApp, others: number): Promise<Visit> {
  const app = await publishApp(fill, { exclude: LEFT_OUT, boot: others > 0 });
  const sent = await compressFiles(app.out);
  const stage = await Stage.open(app.out);
  try {
    const paths = app.manifest.files.map(({ path }) => path);
    const browser = await stage.browser();
    for (let index = 0; index < others; index += 1) await loadWhole(browser, stage.url, paths, true);
    const before = stage.responses.length;
    await loadWhole(browser, stage.url, paths, others > 0);
    const bytesOf = (matches: (path: string) => boolean): number =>
      sum(stage.served(matches, before).map(({ bytes }) => bytes));
    const isOwn = (path: string): boolean => !BOOTSTRAP.test(path) && !MANIFEST.test(path) && !PACK.test(path);
    const own = stage.served(isOwn, before);
    const ownBytes = (complete: boolean): number =>
      sum(own.filter((answer) => answer.complete === complete).map(({ bytes }) => bytes));
    return {
      bytes: bytesOf(() => true),
      brotliBytes: sum(paths.map((path) => sent.get(path) ?? 0)),
      bootstrapBytes: bytesOf((path) => BOOTSTRAP.test(path)),
      manifestBytes: bytesOf((path) => MANIFEST.test(path)),
      packBytes: bytesOf((path) => PACK.test(path)),
      wholeBytes: ownBytes(true),
      cutBytes: ownBytes(false),
      notModified: own.filter(({ status }) => status === 304).length,
      requests: stage.responses.length - before,
    };
  } finally {
    await stage.close();
    await app.remove();
  }
}

/** The page's own load, then everything else, as an app that wants to work offline would ask for it. Stays open. */
async function loadWhole(browser: Browser, url: string, paths: readonly string[], boots: boolean): Promise<void> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(url, { waitUntil: 'commit' });
  if (boots) {
    await page.waitForFunction(() => {
      const [load] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
      return load?.type === 'reload' && 'tabseed' in globalThis;
    });
  }
  await page.waitForLoadState('networkidle');
  await page.evaluate(async (urls) => {
    await tabseed.ready;
    await tabseed.prefetch(urls);
  }, paths);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
