import type { Page } from 'playwright';
import type { Venue } from '../download/venue.ts';
import type { Race, Way } from '../download/way.ts';
import { Crowd } from '../stage/crowd.ts';

/** Browsers that have the file and stay open. */
export class Swarm {
  readonly #venue: Venue;
  readonly #way: Way;
  readonly #crowd: Crowd;

  private constructor(venue: Venue, way: Way, crowd: Crowd) {
    this.#venue = venue;
    this.#way = way;
    this.#crowd = crowd;
  }

  static async open(venue: Venue, way: Way, peers: number): Promise<Swarm> {
    const crowd = await Crowd.open(venue.browser, peers, way.url, (page) => way.prepare(page));
    await crowd.race(0, (page) => way.download(page));
    return new Swarm(venue, way, crowd);
  }

  /** Somebody comes, downloads and leaves. */
  async join(): Promise<Race> {
    const before = this.#venue.originBytes();
    const newcomer = await Crowd.open(this.#venue.browser, 1, this.#way.url, (page: Page) => this.#way.prepare(page));
    const seconds = await newcomer.race(0, (page) => this.#way.download(page));
    await newcomer.close();
    return { seconds, copies: (this.#venue.originBytes() - before) / this.#venue.bytes };
  }

  close(): Promise<void> {
    return this.#crowd.close();
  }
}
