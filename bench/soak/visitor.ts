import type { SeededRandom } from '../../test/fakes/seeded-random.ts';
import type { BareBrowser, BareContext, BarePage } from '../stage/bare-browser.ts';
import type { GrowingApp } from './growing-app.ts';
import type { Incidents } from './incidents.ts';

/** Longest that anything a visitor does may take; a download of 4 MB is far below it. */
const PATIENCE_MS = 60_000;

interface Surroundings {
  readonly browser: BareBrowser;
  readonly url: string;
  readonly app: GrowingApp;
  readonly incidents: Incidents;
  readonly random: SeededRandom;
}

/** One browser of the soak: storage of its own, and tabs that come and go. */
export class Visitor {
  downloads = 0;
  wrongFiles = 0;
  readonly #surroundings: Surroundings;
  #context: BareContext | undefined;
  /** The first one has been open longest: it leads. */
  #tabs: BarePage[] = [];

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** The tab that has been open longest. */
  get firstTab(): BarePage {
    const [tab] = this.#tabs;
    if (tab === undefined) throw new Error('the visitor has no tab');
    return tab;
  }

  async arrive(): Promise<void> {
    this.#context = await this.#surroundings.browser.newContext();
    await this.#openTab();
  }

  async depart(): Promise<void> {
    this.#tabs = [];
    await this.#context?.close();
    this.#context = undefined;
  }

  async #openTab(): Promise<BarePage> {
    if (this.#context === undefined) throw new Error('the visitor is not there');
    const tab = await this.#context.newPage();
    this.#tabs.push(tab);
    await this.#surroundings.incidents.watch(tab);
    await inTime(tab.goto(this.#surroundings.url));
    await inTime(tab.evaluate(() => tabseed.ready));
    return tab;
  }

  /** Never more than two: memory is not to grow by what the visitor does. */
  async toggleSecondTab(): Promise<void> {
    if (this.#tabs.length > 1) await this.#tabs.pop()?.close();
    else await this.#openTab();
  }

  /** Reads a file of the app and compares it with what was published. */
  async read(tab = this.firstTab): Promise<void> {
    const { app, random, incidents } = this.#surroundings;
    const path = app.paths[random.below(app.paths.length)] ?? '';
    const hash = await inTime(
      tab.evaluate(async (file) => {
        const response = await fetch(file);
        if (!response.ok) throw new Error(`status ${response.status}`);
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await response.arrayBuffer()));
        return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
      }, path),
    );
    this.downloads += 1;
    if (app.isPublished(path, hash)) return;
    this.wrongFiles += 1;
    incidents.failed('read', `wrong bytes of ${path}`);
  }

  prefetch(): Promise<void> {
    return inTime(this.firstTab.evaluate((files) => tabseed.prefetch(files), this.#surroundings.app.paths));
  }

  update(): Promise<void> {
    return inTime(this.firstTab.evaluate(() => tabseed.checkForUpdate()));
  }

  async reload(): Promise<void> {
    await inTime(this.firstTab.reload());
    await inTime(this.firstTab.evaluate(() => tabseed.ready));
  }

  /** The tab that leads closes while another tab downloads. */
  async loseLeader(): Promise<void> {
    const heir = this.#tabs[1] ?? (await this.#openTab());
    const reading = this.read(heir);
    await Promise.all([reading, this.#tabs.shift()?.close()]);
  }

  /** As a visitor who clears the site's data: the next load is a first visit. */
  async wipe(): Promise<void> {
    if (this.#tabs.length > 1) await this.#tabs.pop()?.close();
    const origin = new URL(this.#surroundings.url).origin;
    await this.firstTab.send('Storage.clearDataForOrigin', { origin, storageTypes: 'all' });
    await this.reload();
  }

  async start(): Promise<void> {
    await this.arrive();
    await this.prefetch();
  }

  /** Somebody else sits down at this place. */
  async replace(): Promise<void> {
    await this.depart();
    await this.start();
  }
}

async function inTime<Value>(act: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done in ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([act, late]);
  } finally {
    clearTimeout(timer);
  }
}
