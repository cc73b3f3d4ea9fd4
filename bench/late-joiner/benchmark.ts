import { type Benchmark, median, rounded } from '../benchmark.ts';
import { openVenue } from '../download/venue.ts';
import type { Race } from '../download/way.ts';
import { tabseedWay, webtorrentWay } from '../download/ways.ts';
import { installRivals, Tracker } from '../rivals/rivals.ts';
import { Swarm } from './swarm.ts';

/** Fast enough that the ones before do not take long; the one who joins is to leave it alone. */
const ORIGIN_MBPS = 800;

export const benchmark: Benchmark = {
  summary: 'one browser joins others that have the file: what it takes from the origin, against WebTorrent',
  options: [
    { name: 'peers', unit: 'count', summary: 'browsers that have the file', default: 5 },
    { name: 'mb', unit: 'MiB', summary: 'size of the file', default: 48 },
    { name: 'pairs', unit: 'count', summary: 'rounds of all sides; the median counts', default: 5 },
  ],
  async run({ peers = 5, mb = 48, pairs = 5 }) {
    installRivals();
    const venue = await openVenue(mb, ORIGIN_MBPS);
    const tracker = await Tracker.start();
    try {
      const tabseed = await Swarm.open(venue, tabseedWay(venue), peers);
      const joins: Race[] = [];
      const ringPairs: number[] = [];
      for (let index = 0; index < pairs; index += 1) {
        ringPairs.push(await venue.ring.pairSeconds(venue.bytes));
        joins.push(await tabseed.join());
        process.stderr.write(`pair ${ringPairs.at(-1)?.toFixed(2)} s, tabseed ${JSON.stringify(joins.at(-1))}\n`);
      }
      // Not side by side with the rival's: open tabs use CPU even when nobody asks them for anything.
      await tabseed.close();
      const webtorrent = await Swarm.open(venue, await webtorrentWay(venue, tracker), peers);
      const rivalJoins: Race[] = [];
      for (let index = 0; index < pairs; index += 1) rivalJoins.push(await webtorrent.join());
      await webtorrent.close();
      return resultOf(joins, rivalJoins, ringPairs);
    } finally {
      tracker.close();
      await venue.close();
    }
  },
};

function resultOf(tabseed: readonly Race[], webtorrent: readonly Race[], ringPairs: readonly number[]): object {
  const middle = (values: readonly number[]): number => rounded(median(values));
  const ratios = tabseed.map(({ seconds }, index) => (ringPairs[index] ?? Number.NaN) / seconds);
  return {
    originCopies: middle(tabseed.map(({ copies }) => copies)),
    wallSeconds: middle(tabseed.map(({ seconds }) => seconds)),
    ringPairSeconds: middle(ringPairs),
    ratio: middle(ratios),
    ratioRange: [rounded(Math.min(...ratios)), rounded(Math.max(...ratios))],
    webtorrentCopies: middle(webtorrent.map(({ copies }) => copies)),
    webtorrentWallSeconds: middle(webtorrent.map(({ seconds }) => seconds)),
  };
}
