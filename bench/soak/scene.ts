import type { SeededRandom } from '../../test/fakes/seeded-random.ts';
import { Stage } from '../../test/stage/stage.ts';
import { BareBrowser } from '../stage/bare-browser.ts';
import { CommandProcess } from '../stage/command.ts';
import { GrowingApp } from './growing-app.ts';
import { Incidents } from './incidents.ts';
import { Visitor } from './visitor.ts';

const RESIDENTS = 4;
const PASSING = 4;

/** What a soak takes place on. */
export interface Scene {
  readonly app: GrowingApp;
  readonly incidents: Incidents;
  readonly signal: CommandProcess;
  readonly seed: CommandProcess;
  /** Two Chromiums, so that the memory of those who stay can be told from that of those who come and go. */
  readonly residentBrowser: BareBrowser;
  readonly passingBrowser: BareBrowser;
  readonly residents: readonly Visitor[];
  readonly passing: readonly Visitor[];
}

/** Opens it; everybody has the first release then. `onClose` gets what is to be called at the end, last first. */
export async function openScene(random: SeededRandom, onClose: (close: () => Promise<void>) => void): Promise<Scene> {
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
  const invite = async (count: number, browser: BareBrowser): Promise<Visitor[]> => {
    const surroundings = { browser, url: stage.url, app, incidents, random };
    const visitors = Array.from({ length: count }, () => new Visitor(surroundings));
    for (const visitor of visitors) await visitor.start();
    return visitors;
  };
  const open = async (): Promise<BareBrowser> => {
    const browser = await BareBrowser.launch();
    onClose(() => browser.close());
    return browser;
  };
  const [residentBrowser, passingBrowser] = [await open(), await open()];
  const residents = await invite(RESIDENTS, residentBrowser);
  const passing = await invite(PASSING, passingBrowser);
  return {
    app,
    incidents,
    signal: signal.command,
    seed: seed.command,
    residentBrowser,
    passingBrowser,
    residents,
    passing,
  };
}
