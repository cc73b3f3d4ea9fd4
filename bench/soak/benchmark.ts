import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '../../test/fakes/seeded-random.ts';
import { Stage } from '../../test/stage/stage.ts';
import { type Benchmark, rounded } from '../benchmark.ts';
import { CommandProcess } from '../stage/command.ts';
import { nextAction, PASSING_ACTIONS, RESIDENT_ACTIONS } from './churn.ts';
import { GrowingApp } from './growing-app.ts';
import { Incidents } from './incidents.ts';
import { MemoryWatch } from './memory-watch.ts';
import { Visitor } from './visitor.ts';

const RESIDENTS = 4;
const PASSING = 4;
/** Samples of memory and releases in a whole soak, however long it is. */
const SAMPLES = 60;
const RELEASES = 20;

export const benchmark: Benchmark = {
  summary: '8 browsers and a Node seed for an hour, peers come and go: memory, connections, wrong bytes',
  options: [
    { name: 'minutes', unit: 'minutes', summary: 'how long', default: 60 },
    { name: 'pause', unit: 'seconds', summary: 'between two actions: two cores are not to be full', default: 4 },
    { name: 'seed', unit: 'number', summary: 'of the churn', default: 1 },
  ],
  async run({ minutes = 60, pause = 2, seed = 1 }) {
    const closing: (() => Promise<void>)[] = [];
    try {
      return await soak(
        { durationMs: minutes * 60_000, pauseMs: pause * 1000, random: new SeededRandom(seed) },
        (close) => closing.push(close),
      );
    } finally {
      for (const close of closing.reverse()) await close();
    }
  },
};

interface Plan {
  readonly durationMs: number;
  readonly pauseMs: number;
  readonly random: SeededRandom;
}

async function soak(
  { durationMs, pauseMs, random }: Plan,
  onClose: (close: () => Promise<void>) => void,
): Promise<object> {
  const signal = await CommandProcess.start<{ url: string }>(['signal', '--port', '0'], ({ url }) => url !== undefined);
  onClose(() => signal.command.close());
  const app = await GrowingApp.open(signal.line.url, random);
  onClose(() => app.remove());
  const stage = await Stage.open(app.out, { signal: false });
  onClose(() => stage.close());
  const seed = await CommandProcess.start<{ event: string }>(
    ['seed', stage.url, '--store', await stage.folder()],
    ({ event }) => event === 'mirrored',
  );
  onClose(() => seed.command.close());

  const incidents = new Incidents();
  const [residentBrowser, passingBrowser] = [await stage.browser(), await stage.browser()];
  const invite = async (count: number, browser: typeof residentBrowser): Promise<Visitor[]> => {
    const visitors = Array.from(
      { length: count },
      () => new Visitor({ browser, url: stage.url, app, incidents, random }),
    );
    for (const visitor of visitors) await visitor.start();
    return visitors;
  };
  const residents = await invite(RESIDENTS, residentBrowser);
  const passing = await invite(PASSING, passingBrowser);
  const visitors = [...residents, ...passing];

  const watch = new MemoryWatch({
    residents,
    residentBrowser,
    passingBrowser,
    seed: seed.command,
    signal: signal.command,
  });
  const actions = new Map<string, number>();
  const startMs = performance.now();
  const passed = (): number => (performance.now() - startMs) / durationMs;
  for (let samples = 0; passed() < 1; ) {
    if (passed() * SAMPLES >= samples) {
      samples += 1;
      await watch.sample();
      process.stderr.write(`${Math.round(passed() * 100)} %\n`);
    }
    if (passed() * RELEASES >= app.releases) await app.release();
    const visitor = visitors[random.below(visitors.length)] ?? residents[0];
    if (visitor === undefined) throw new Error('nobody is there');
    const [name, , act] = nextAction(residents.includes(visitor) ? RESIDENT_ACTIONS : PASSING_ACTIONS, random);
    actions.set(name, (actions.get(name) ?? 0) + 1);
    try {
      await act(visitor);
    } catch (error) {
      incidents.failed(name, error);
      if (!residents.includes(visitor)) await visitor.replace();
    }
    await delay(pauseMs);
  }

  const traffic = await Promise.all(residents.map((visitor) => visitor.firstTab.evaluate(() => tabseed.stats().bytes)));
  return {
    minutes: rounded((performance.now() - startMs) / 60_000, 1),
    downloads: visitors.reduce((sum, { downloads }) => sum + downloads, 0),
    wrongFiles: visitors.reduce((sum, { wrongFiles }) => sum + wrongFiles, 0),
    uncaughtErrors: Object.fromEntries(incidents.uncaught),
    failedActions: Object.fromEntries(incidents.failures),
    reportedErrors: Object.fromEntries(incidents.reported),
    constructions: { ...incidents.constructions, budgetPerPageAndHour: 100 },
    actions: Object.fromEntries(actions),
    releases: app.releases,
    residentBytes: traffic,
    memory: watch.growth,
  };
}
