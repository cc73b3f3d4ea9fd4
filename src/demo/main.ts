import type { Tabseed } from '../client/index.ts';
import { formatBytes, formatMilliseconds } from './byte-format.ts';
import { openEditor } from './editor.ts';
import { LoadedFiles } from './loaded-files.ts';
import { loadMonaco } from './monaco-loader.ts';
import { pageElement } from './page-element.ts';
import { Panel } from './panel.ts';
import { PeerControls } from './peer-controls.ts';
import { RateHistory } from './rate-history.ts';
import { firstPeer, tabseedReadiness } from './ready.ts';
import { clearAndReload } from './reset.ts';
import { TransferChart } from './transfer-chart.ts';
import { UpdateControl } from './update-control.ts';

/** Four points a second: a burst of half a second is still a shape, and the page stays idle. */
const SAMPLE_EVERY_MS = 250;

/** The page: waits for Tabseed, then loads the editor through it and shows where its bytes come from. */
async function start(status: HTMLElement): Promise<void> {
  pageElement('reset', HTMLButtonElement).addEventListener('click', () => void clearAndReload());
  const soFar = pageElement('loaded-so-far', HTMLElement);
  const files = new LoadedFiles(pageElement('files', HTMLElement), new URL('./', document.baseURI).href, (total) => {
    soFar.textContent = `${total.count} files, ${formatBytes(total.bytes)}`;
  });
  const panel = new Panel();
  // A page that a worker controls from its start has been here before, and has most of the editor in its store.
  const isNewHere = 'serviceWorker' in navigator && navigator.serviceWorker.controller === null;
  status.textContent = 'Waiting for Tabseed …';
  const { tabseed, problem } = await tabseedReadiness();
  panel.notice(problem);
  if (tabseed) watch(tabseed, panel);
  if (tabseed && problem === undefined && isNewHere) {
    status.textContent = 'Looking for peers …';
    await firstPeer(tabseed);
  }
  await loadEditor(status, files);
}

function watch(tabseed: Tabseed, panel: Panel): void {
  const chart = new TransferChart(pageElement('chart', HTMLElement), pageElement('chart-summary', HTMLElement));
  const history = new RateHistory();
  tabseed.on('stats', (stats) => panel.show(stats));
  tabseed.on('error', (error) => panel.notice(error.message));
  // It may have become ready after the deadline.
  tabseed.ready.then(
    () => panel.notice(undefined),
    () => undefined, // Said already, by what was awaited above.
  );
  panel.show(tabseed.stats());
  new PeerControls(tabseed);
  new UpdateControl(tabseed);
  setInterval(() => {
    if (history.record(performance.now(), tabseed.stats().bytes)) chart.show(history);
  }, SAMPLE_EVERY_MS);
}

async function loadEditor(status: HTMLElement, files: LoadedFiles): Promise<void> {
  const startedAt = performance.now();
  status.textContent = 'Loading the editor …';
  const monaco = await loadMonaco((timing) => files.add(timing));
  status.textContent = 'Starting TypeScript …';
  await openEditor(monaco, {
    host: pageElement('editor', HTMLElement),
    problem: pageElement('problem', HTMLButtonElement),
    problemCount: pageElement('problem-count', HTMLElement),
  });
  status.textContent = `Editor loaded in ${formatMilliseconds(performance.now() - startedAt)}`;
}

async function run(): Promise<void> {
  const status = pageElement('status', HTMLElement);
  try {
    await start(status);
  } catch (error) {
    status.textContent = `The editor did not load: ${error instanceof Error ? error.message : 'unknown error'}`;
    status.classList.add('failed');
  } finally {
    pageElement('loading', HTMLProgressElement).hidden = true;
  }
}

void run();
