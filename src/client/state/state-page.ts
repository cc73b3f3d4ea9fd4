/** The page at `tabseed/state/`: what Tabseed keeps and does in this browser, for whoever looks for a fault. */
import type { TabseedStats, TabseedUpdate } from '../api.ts';
import { AppData, type StoredRelease } from './app-data.ts';

/** The store is looked at this often; all else comes by events. */
const STORE_INTERVAL_MS = 2000;
const SHOWN_ERRORS = 20;
const SOURCES = ['store', 'peers', 'origin', 'uploaded', 'wasted'] as const;
const WORDS = { store: 'this browser', peers: 'peers', origin: 'origin', uploaded: 'given to peers', wasted: 'wasted' };
const UNITS = ['B', 'kB', 'MB', 'GB'];

const scope = new URL('../..', import.meta.url).href;
const removal = new AbortController();
const isRemoved = (): boolean => removal.signal.aborted;

tabseed.on('stats', showStats);
tabseed.on('error', ({ code, message }) => {
  // That Tabseed is gone is no fault then.
  if (!isRemoved()) showError(code, message);
});
tabseed.on('update-failed', ({ code, sequence }) => showError(code, `release ${sequence}`));
showStats(tabseed.stats());
void start();

async function start(): Promise<void> {
  try {
    const data = await AppData.of(scope);
    element('check').addEventListener(
      'click',
      () => void run('Checking …', 'Checked.', () => tabseed.checkForUpdate()),
    );
    element('remove').addEventListener('click', () => {
      if (confirm('Remove the worker and all that it has stored for this app?')) void remove(data);
    });
    void watchStore(data);
    await tabseed.ready;
    say('Tabseed works in this browser.');
  } catch (error) {
    say(`Tabseed does not work here: ${textOf(error)}`);
  }
}

async function remove(data: AppData): Promise<void> {
  for (const id of ['check', 'remove']) (element(id) as HTMLButtonElement).disabled = true;
  removal.abort();
  await run('Removing …', 'Removed. The next visit to the app brings it back.', async () => {
    await data.remove();
    showReleases([]);
  });
}

async function run(before: string, after: string, work: () => Promise<void>): Promise<void> {
  say(before);
  try {
    await work();
    say(after);
  } catch (error) {
    say(`It failed: ${textOf(error)}`);
  }
}

async function watchStore(data: AppData): Promise<void> {
  while (!isRemoved()) {
    const releases = await data.releases();
    const { usage, quota } = await navigator.storage.estimate();
    if (!isRemoved()) showReleases(releases);
    element('storage').textContent = `${bytes(usage ?? 0)} of ${bytes(quota ?? 0)}`;
    await new Promise((resolve) => setTimeout(resolve, STORE_INTERVAL_MS));
  }
}

function showStats(stats: TabseedStats): void {
  const { release, update, peers, leader } = stats;
  element('release').textContent = release === null ? 'none yet' : nameOf(release);
  element('update').textContent = update === null ? 'none' : updateText(update);
  element('peers').textContent = String(peers);
  element('leader').textContent = leader ? 'yes' : 'no';
  const wire: Readonly<Record<string, number>> = stats.wire;
  fillRows(
    'sources',
    SOURCES.map((name) => {
      const sent = wire[name];
      return [WORDS[name], bytes(stats.bytes[name]), sent === undefined ? '–' : bytes(sent)];
    }),
  );
}

function showReleases(releases: readonly StoredRelease[]): void {
  fillRows(
    'releases',
    releases.map(({ sequence, version, state, storedBytes, totalBytes }) => {
      return [String(sequence), version === '' ? '–' : version, state, bytes(storedBytes), bytes(totalBytes)];
    }),
  );
}

function showError(code: string, message: string): void {
  const item = document.createElement('li');
  item.textContent = `${new Date().toLocaleTimeString()} ${code}: ${message}`;
  const list = element('errors');
  list.prepend(item);
  while (list.children.length > SHOWN_ERRORS) list.lastElementChild?.remove();
}

/** The first cell of a row names it. */
function fillRows(id: string, rows: readonly (readonly string[])[]): void {
  element(id).replaceChildren(
    ...rows.map((cells) => {
      const row = document.createElement('tr');
      row.append(
        ...cells.map((text, index) => {
          const cell = document.createElement(index === 0 ? 'th' : 'td');
          if (index === 0) cell.setAttribute('scope', 'row');
          cell.textContent = text;
          return cell;
        }),
      );
      return row;
    }),
  );
}

function updateText(update: TabseedUpdate): string {
  const { doneBytes, totalBytes, staged, failure } = update;
  if (staged) return `${nameOf(update)} is here and waits`;
  if (failure !== '') return `${nameOf(update)} failed: ${failure}`;
  return `${nameOf(update)}: ${bytes(doneBytes)} of ${bytes(totalBytes)}`;
}

function nameOf({ sequence, version }: { readonly sequence: number; readonly version: string }): string {
  return version === '' ? String(sequence) : `${sequence} (${version})`;
}

function bytes(value: number): string {
  const power = Math.min(UNITS.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
  return `${(value / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power] ?? ''}`;
}

function say(text: string): void {
  element('status').textContent = text;
}

function textOf(error: unknown): string {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  return code === undefined ? (message ?? String(error)) : `${message ?? ''} (${code})`;
}

function element(id: string): HTMLElement {
  return document.getElementById(id) as HTMLElement;
}
