import { setTimeout as delay } from 'node:timers/promises';
import { publishApp } from '../../test/stage/app.ts';
import { type Benchmark, median, rounded } from '../benchmark.ts';
import { BareBrowser } from '../stage/bare-browser.ts';
import { LEFT_OUT } from '../update/release-folder.ts';
import { type StartupApp, startupApps } from './apps.ts';
import { type Side, sidesOf, startOnce } from './sides.ts';

/** What a start leaves behind (compiled code, writes, a closed tab) is no part of the next one. */
const SETTLE_MS = 500;

export const benchmark: Benchmark = {
  summary: 'a real app served by the worker starts: against Workbox precache, an HTTP cache hit and no cache',
  options: [
    { name: 'profiles', unit: 'count', summary: 'fresh browsers, each with one first run a side', default: 3 },
    { name: 'repeats', unit: 'count', summary: 'later runs a browser and side', default: 5 },
    { name: 'only', unit: 'name', summary: 'editor or wasm alone', default: '' },
  ],
  async run({ profiles = 3, repeats = 5 }, { only = '' }) {
    const apps: Record<string, object> = {};
    for (const app of startupApps().filter(({ name }) => only === '' || name === only)) {
      apps[app.name] = await measure(app, profiles, repeats);
      process.stderr.write(`${app.name} ${JSON.stringify(apps[app.name])}\n`);
    }
    return { apps, targets: { overWorkbox: 1.1 } };
  },
};

interface Times {
  readonly first: number[];
  readonly repeat: number[];
}

async function measure({ fill }: StartupApp, profiles: number, repeats: number): Promise<object> {
  const app = await publishApp(fill, { exclude: LEFT_OUT });
  const sides = await sidesOf(app);
  const times = new Map(sides.map((side): [Side, Times] => [side, { first: [], repeat: [] }]));
  try {
    for (let profile = 0; profile < profiles; profile += 1) await measureProfile(times, repeats);
  } finally {
    await Promise.all(sides.map((side) => side.close()));
    await app.remove();
  }
  const named = [...times].map(([{ name }, { first, repeat }]) => {
    return [name, { firstRunMs: rounded(median(first), 0), repeatMs: rounded(median(repeat), 0) }] as const;
  });
  const { tabseed, ...others } = Object.fromEntries(named);
  const { workbox } = others;
  const over = (key: 'firstRunMs' | 'repeatMs'): number =>
    rounded((tabseed?.[key] ?? Number.NaN) / (workbox?.[key] ?? Number.NaN), 2);
  return { ...tabseed, ...others, overWorkbox: { firstRun: over('firstRunMs'), repeat: over('repeatMs') } };
}

/** The sides take turns. */
async function measureProfile(times: ReadonlyMap<Side, Times>, repeats: number): Promise<void> {
  const browser = await BareBrowser.launch();
  try {
    const context = browser.defaultContext;
    for (const side of times.keys()) await startOnce(context, side, true);
    for (let run = 0; run <= repeats; run += 1) {
      for (const [side, { first, repeat }] of times) {
        await delay(SETTLE_MS);
        const ms = await startOnce(context, side, false);
        (run === 0 ? first : repeat).push(ms);
      }
    }
  } finally {
    await browser.close();
  }
}
