import type { Page } from 'playwright';
import { type Benchmark, median, rounded } from '../benchmark.ts';
import { openVenue, type Venue } from '../download/venue.ts';
import { type Race, race } from '../download/way.ts';
import { plainHttp, tabseedWay, webtorrentWay } from '../download/ways.ts';
import { installRivals, Tracker } from '../rivals/rivals.ts';
import { type MainThreadLoad, MainThreadWatch } from '../stage/main-threads.ts';

export const benchmark: Benchmark = {
  summary: 'many browsers take one file at once from a capped origin: Tabseed, plain HTTP, a ring, WebTorrent',
  options: [
    { name: 'peers', unit: 'count', summary: 'browsers, each with storage of its own', default: 6 },
    { name: 'mb', unit: 'MiB', summary: 'size of the file', default: 48 },
    { name: 'origin-mbps', unit: 'Mbit/s', summary: 'what the origin sends to all together', default: 80 },
    { name: 'stagger', unit: 'seconds', summary: 'from the first one to the last', default: 0 },
    { name: 'pairs', unit: 'count', summary: 'rounds of all sides, alternating; the median counts', default: 5 },
  ],
  async run({ peers = 6, mb = 48, originMbps = 80, stagger = 0, pairs = 5 }) {
    installRivals();
    const venue = await openVenue(mb, originMbps);
    const tracker = await Tracker.start();
    try {
      const rounds: Round[] = [];
      for (let index = 0; index < pairs; index += 1) {
        const round = await runRound(venue, tracker, { peers, stagger });
        process.stderr.write(`${JSON.stringify(round)}\n`);
        rounds.push(round);
      }
      const load = await mainThreadLoad(venue, { peers, stagger });
      return { ...resultOf(rounds, (venue.bytes * 8) / (originMbps * 1e6)), ...load };
    } finally {
      tracker.close();
      await venue.close();
    }
  },
};

interface Sizes {
  readonly peers: number;
  readonly stagger: number;
}

interface Round {
  readonly http: Race;
  readonly tabseed: Race;
  readonly webtorrent: Race;
  readonly ringSeconds: number;
  readonly ringStoreSeconds: number;
  readonly wastedBytes: number;
}

/** Every side once, one after the other, so that a machine that changes its speed changes all. */
async function runRound(venue: Venue, tracker: Tracker, options: Sizes): Promise<Round> {
  const { ring, bytes } = venue;
  let wastedBytes = 0;
  const countWaste = async (pages: readonly Page[]): Promise<void> => {
    const wasted = await Promise.all(pages.map((page) => page.evaluate(() => tabseed.stats().bytes.wasted)));
    wastedBytes = wasted.reduce((sum, amount) => sum + amount, 0);
  };
  return {
    http: await race(venue, plainHttp(venue), options),
    ringSeconds: await ring.seconds(options.peers, bytes, { keep: false, stagger: options.stagger }),
    tabseed: await race(venue, tabseedWay(venue), options, { after: countWaste }),
    webtorrent: await race(venue, await webtorrentWay(venue, tracker), options),
    ringStoreSeconds: await ring.seconds(options.peers, bytes, { keep: true, stagger: options.stagger }),
    wastedBytes,
  };
}

/** Of one more race of Tabseed's. */
async function mainThreadLoad(venue: Venue, options: Sizes): Promise<MainThreadLoad | undefined> {
  const watch = new MainThreadWatch(venue.browser);
  let load: MainThreadLoad | undefined;
  await race(venue, tabseedWay(venue), options, {
    around: async (run) => {
      await watch.start();
      const seconds = await run();
      load = await watch.stop();
      return seconds;
    },
  });
  return load;
}

function resultOf(rounds: readonly Round[], originSeconds: number): object {
  const middle = (value: (round: Round) => number): number => rounded(median(rounds.map(value)));
  const boundOf = (round: Round): number => Math.max(originSeconds, round.ringStoreSeconds);
  const overBounds = rounds.map((round) => round.tabseed.seconds / boundOf(round));
  const copies = rounds.map((round) => round.tabseed.copies);
  return {
    originCopies: middle((round) => round.tabseed.copies),
    originCopiesRange: rangeOf(copies),
    wallSeconds: middle((round) => round.tabseed.seconds),
    httpWallSeconds: middle((round) => round.http.seconds),
    httpCopies: middle((round) => round.http.copies),
    webtorrentWallSeconds: middle((round) => round.webtorrent.seconds),
    webtorrentCopies: middle((round) => round.webtorrent.copies),
    ringSeconds: middle((round) => round.ringSeconds),
    ringStoreSeconds: middle((round) => round.ringStoreSeconds),
    boundSeconds: middle(boundOf),
    overBound: rounded(median(overBounds)),
    overBoundRange: rangeOf(overBounds),
    wastedBytes: middle((round) => round.wastedBytes),
  };
}

function rangeOf(values: readonly number[]): [number, number] {
  return [rounded(Math.min(...values)), rounded(Math.max(...values))];
}
