import type { Page } from 'playwright';
import { Crowd } from '../stage/crowd.ts';
import type { Venue } from './venue.ts';

/** One way to get the file into browsers. */
export interface Way {
  /** Page of the origin that a browser has open before it begins. */
  readonly url: string;
  /** Libraries loaded, workers in control; the file has not been asked for. */
  prepare(page: Page): Promise<unknown>;
  /** Resolves when this browser has the whole file. */
  download(page: Page): Promise<void>;
}

export interface Race {
  /** From the first one's beginning until the last one has the file. */
  readonly seconds: number;
  /** Bytes that the origin sent to all, divided by those of the file. */
  readonly copies: number;
}

export interface RaceHooks {
  /** Around the race itself, without what comes before and after. */
  readonly around?: (run: () => Promise<number>) => Promise<number>;
  /** At the pages, when everybody is done. */
  readonly after?: (pages: readonly Page[]) => Promise<void>;
}

/** Fresh browsers download the file at once, or one after the other within `stagger` seconds. */
export async function race(
  venue: Venue,
  way: Way,
  options: { peers: number; stagger: number },
  { around = (run) => run(), after }: RaceHooks = {},
): Promise<Race> {
  const before = venue.originBytes();
  const crowd = await Crowd.open(venue.browser, options.peers, way.url, (page) => way.prepare(page));
  const seconds = await around(() => crowd.race(options.stagger, (page) => way.download(page)));
  await after?.(crowd.pages);
  // Closed first: what was asked for in vain counts as well.
  await crowd.close();
  return { seconds, copies: (venue.originBytes() - before) / venue.bytes };
}
