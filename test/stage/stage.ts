import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright';
import { type RunningServer, startServer } from '../../src/cli/start-server.ts';
import type { ObservedResponse } from '../../src/origin-server/index.ts';
import { launchChromium } from '../setup/browser.ts';

/** A published app on a real origin with signaling, whose answers a test controls, and browsers that visit it. */
export class Stage {
  readonly out: string;
  readonly server: RunningServer;
  /** Every answer of the origin so far. */
  readonly responses: ObservedResponse[];
  /** Requests for which it is true get a 503. */
  refuse: (path: string) => boolean = () => false;
  /** Asked for what is not refused: a request that it answers (or will answer) with `true` goes no further. */
  answer: (path: string, request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  readonly #browsers: Browser[] = [];
  readonly #folders: string[] = [];

  private constructor(out: string, server: RunningServer, responses: ObservedResponse[]) {
    this.out = out;
    this.server = server;
    this.responses = responses;
  }

  /** Serves a published folder. `signal: false` leaves the signaling server out. */
  static async open(out: string, options: { signal?: false } = {}): Promise<Stage> {
    const responses: ObservedResponse[] = [];
    const server = await startServer({
      root: out,
      ...(options.signal === false ? { signal: false } : {}),
      onResponse: (observed) => responses.push(observed),
      intercept: (request, response) => {
        const path = new URL(request.url ?? '/', 'http://origin').pathname;
        if (path === BLANK_PAGE) {
          response.setHeader('Content-Type', 'text/html');
          response.end('<!doctype html><title>blank</title>');
          return true;
        }
        if (!stage.refuse(path)) return stage.answer(path, request, response);
        response.statusCode = 503;
        response.end();
        return true;
      },
    });
    const stage = new Stage(out, server, responses);
    return stage;
  }

  get url(): string {
    return this.server.url;
  }

  /** A page of the origin that has nothing to do with the app. */
  get blankUrl(): string {
    return this.url + BLANK_PAGE;
  }

  /** A browser process of its own; each of its contexts has storage of its own. */
  async browser(args: string[] = []): Promise<Browser> {
    const browser = await launchChromium({ args });
    this.#browsers.push(browser);
    return browser;
  }

  /** A folder that is removed at the end. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'tabseed-stage-'));
    this.#folders.push(folder);
    return folder;
  }

  /** Origin answers to paths that match, since the answer with index `since`. */
  served(matches: (path: string) => boolean, since = 0): ObservedResponse[] {
    return this.responses.slice(since).filter(({ path }) => matches(path));
  }

  async close(): Promise<void> {
    await Promise.all(this.#browsers.map((browser) => browser.close()));
    await this.server.close();
    await Promise.all(this.#folders.map((folder) => rm(folder, { recursive: true, force: true })));
  }
}

const BLANK_PAGE = '/blank-page-of-the-stage';
