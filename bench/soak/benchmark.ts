import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '../../test/fakes/seeded-random.ts';
import { type Benchmark, rounded } from '../benchmark.ts';
import { nextAction, PASSING_ACTIONS, RESIDENT_ACTIONS } from './churn.ts';
import { MemoryWatch } from './memory-watch.ts';
import { openScene, type Scene } from './scene.ts';

/** Samples of memory and releases in a whole soak, however long it is. */
const SAMPLES = 60;
const RELEASES = 20;
/** A third of the time is for caches to fill and code to be compiled: slopes are of what follows. */
const SETTLED_SAMPLE = SAMPLES / 3;

export const benchmark: Benchmark = {
  summary: '8 browsers and a Node seed for an hour, peers come and go: memory, connections, wrong bytes',
  options: [
    { name: 'minutes', unit: 'minutes', summary: 'how long', default: 60 },
    { name: 'pause', unit: 'seconds', summary: 'between two actions: two cores are not to be full', default: 4 },
    { name: 'seed', unit: 'number', summary: 'of the churn', default: 1 },
  ],
  async run({ minutes = 60, pause = 4, seed = 1 }) {
    const closing: (() => Promise<void>)[] = [];
    const random = new SeededRandom(seed);
    try {
      const scene = await openScene(random, (close) => closing.push(close));
      return await soak(scene, { durationMs: minutes * 60_000, pauseMs: pause * 1000, random });
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

async function soak(scene: Scene, { durationMs, pauseMs, random }: Plan): Promise<object> {
  const memory = new MemoryWatch(scene);
  const actions: Record<string, number> = {};
  const startMs = performance.now();
  const passed = (): number => (performance.now() - startMs) / durationMs;
  for (let samples = 0; passed() < 1; ) {
    if (passed() * SAMPLES >= samples) {
      samples += 1;
      await memory.sample();
      if (samples === SETTLED_SAMPLE) await memory.settle();
      process.stderr.write(`${Math.round(passed() * 100)} %\n`);
    }
    if (passed() * RELEASES >= scene.app.releases) await scene.app.release();
    const name = await actSomewhere(scene, random);
    actions[name] = (actions[name] ?? 0) + 1;
    await delay(pauseMs);
  }
  const { app, incidents, residents, passing } = scene;
  const visitors = [...residents, ...passing];
  return {
    minutes: rounded((performance.now() - startMs) / 60_000, 1),
    downloads: visitors.reduce((sum, { downloads }) => sum + downloads, 0),
    wrongFiles: visitors.reduce((sum, { wrongFiles }) => sum + wrongFiles, 0),
    uncaughtErrors: Object.fromEntries(incidents.uncaught),
    failedActions: Object.fromEntries(incidents.failures),
    reportedErrors: Object.fromEntries(incidents.reported),
    constructions: { ...incidents.constructions, budgetPerPageAndHour: 100 },
    actions,
    releases: app.releases,
    residentBytes: await Promise.all(residents.map(({ firstTab }) => firstTab.evaluate(() => tabseed.stats().bytes))),
    memory: memory.growth,
    pageHeapGrowthKB: await memory.heapGrowthKB(),
  };
}

/** Lets somebody do something; its name. */
async function actSomewhere({ residents, passing, incidents }: Scene, random: SeededRandom): Promise<string> {
  const place = random.below(residents.length + passing.length);
  const resident = residents[place];
  const visitor = resident ?? passing[place - residents.length];
  if (visitor === undefined) throw new Error('nobody is there');
  const [name, , act] = nextAction(resident === undefined ? PASSING_ACTIONS : RESIDENT_ACTIONS, random);
  try {
    await act(visitor);
  } catch (error) {
    incidents.failed(name, error);
    // Whatever state it is in: for the others, somebody left.
    if (resident === undefined) await visitor.replace();
  }
  return name;
}
