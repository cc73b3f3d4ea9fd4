import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { CHROMIUM_FLAGS, chromiumPath } from '../../test/setup/browser.ts';

/** Nothing is put to sleep because no window is seen; the rest is what Playwright switches off, too. */
const FLAGS = [
  '--headless',
  '--disable-extensions',
  '--disable-backgrounding-occluded-windows',
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
  '--no-startup-window',
  '--remote-debugging-pipe',
];
const POLL_MS = 20;

interface Answer {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

interface Call {
  resolve(result: Record<string, unknown>): void;
  reject(error: Error): void;
}

/**
 * A Chromium that nobody watches. Playwright switches DevTools' network domain on in every page, which keeps and reports
 * each piece of each response: that is work on the very path that is measured, and only where the bytes come by HTTP.
 */
export class BareBrowser {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #calls = new Map<number, Call>();
  readonly #loads = new Map<string, () => void>();
  #nextId = 1;

  private constructor(browser: ChildProcess, profile: string) {
    this.#process = browser;
    this.#profile = profile;
    let rest = '';
    const answers = browser.stdio[4] as Readable;
    answers.setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0');
      rest = messages.pop() ?? '';
      for (const message of messages) this.#handle(JSON.parse(message) as Answer);
    });
  }

  static async launch(): Promise<BareBrowser> {
    const profile = await mkdtemp(join(tmpdir(), 'tabseed-bare-'));
    const flags = [...CHROMIUM_FLAGS, ...FLAGS, `--user-data-dir=${profile}`];
    const browser = spawn(chromiumPath(), flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    return new BareBrowser(browser, profile);
  }

  /** With storage of its own. */
  async newContext(): Promise<BareContext> {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    return new BareContext(this, browserContextId as string);
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => {
      this.#process.once('exit', resolve);
    });
    void this.send('Browser.close');
    await ended;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  /** One command of the DevTools protocol. */
  send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = this.#nextId;
    this.#nextId += 1;
    (this.#process.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
    });
  }

  /** The next load event of a session. */
  loaded(sessionId: string): Promise<void> {
    return new Promise((resolve) => {
      this.#loads.set(sessionId, resolve);
    });
  }

  #handle({ id, sessionId = '', method, result = {}, error }: Answer): void {
    if (method === 'Page.loadEventFired') this.#loads.get(sessionId)?.();
    if (id === undefined) return;
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(error.message));
  }
}

export class BareContext {
  readonly #browser: BareBrowser;
  readonly #id: string;

  constructor(browser: BareBrowser, id: string) {
    this.#browser = browser;
    this.#id = id;
  }

  async newPage(): Promise<BarePage> {
    const { targetId } = await this.#browser.send('Target.createTarget', {
      url: 'about:blank',
      browserContextId: this.#id,
    });
    const { sessionId } = await this.#browser.send('Target.attachToTarget', { targetId, flatten: true });
    await this.#browser.send('Page.enable', {}, sessionId as string);
    return new BarePage(this.#browser, sessionId as string);
  }

  async close(): Promise<void> {
    await this.#browser.send('Target.disposeBrowserContext', { browserContextId: this.#id });
  }
}

/** What the benchmarks need of Playwright's page, by the same names. */
export class BarePage {
  readonly #browser: BareBrowser;
  readonly #session: string;

  constructor(browser: BareBrowser, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  async goto(url: string): Promise<void> {
    const loaded = this.#browser.loaded(this.#session);
    await this.#browser.send('Page.navigate', { url }, this.#session);
    await loaded;
  }

  evaluate<Result>(action: () => Result | Promise<Result>): Promise<Result>;
  evaluate<Argument, Result>(
    action: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
  async evaluate(action: (argument: never) => unknown, argument: unknown = null): Promise<unknown> {
    const { result, exceptionDetails } = await this.#browser.send(
      'Runtime.evaluate',
      { expression: `(${String(action)})(${JSON.stringify(argument)})`, awaitPromise: true, returnByValue: true },
      this.#session,
    );
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { readonly value: unknown }).value;
  }

  async addScriptTag({ path }: { readonly path: string }): Promise<void> {
    const expression = await readFile(path, 'utf8');
    await this.#browser.send('Runtime.evaluate', { expression }, this.#session);
  }

  async waitForFunction<Argument>(condition: (argument: Argument) => boolean, argument: Argument): Promise<void> {
    while (!(await this.evaluate(condition, argument))) await delay(POLL_MS);
  }
}
