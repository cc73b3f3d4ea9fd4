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
  // Names of mDNS are for one network only.
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];
const POLL_MS = 20;

interface Answer {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** Gets what comes with an event of the DevTools protocol. */
type EventListener = (params: Record<string, unknown>) => void;

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
  readonly #listeners = new Map<string, Set<EventListener>>();
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

  /** @param options.prefix a command that runs the one behind it somewhere else, in a network of its own for example. */
  static async launch({ prefix = [] }: { prefix?: readonly string[] } = {}): Promise<BareBrowser> {
    const profile = await mkdtemp(join(tmpdir(), 'tabseed-bare-'));
    const flags = [...CHROMIUM_FLAGS, ...FLAGS, `--user-data-dir=${profile}`];
    const [program, ...parameters] = [...prefix, chromiumPath(), ...flags];
    const browser = spawn(program as string, parameters, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    return new BareBrowser(browser, profile);
  }

  /** The profile's own: what Chromium keeps between sessions, such as compiled code, it keeps on disk. */
  get defaultContext(): BareContext {
    return new BareContext(this, undefined);
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

  /** Listens to an event of a session; returns the function that stops it. */
  on(sessionId: string, method: string, listener: EventListener): () => void {
    const key = `${sessionId} ${method}`;
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Attaches to a page or worker; the session's id. */
  async attach(targetId: string): Promise<string> {
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    return sessionId as string;
  }

  #handle({ id, sessionId = '', method, params = {}, result = {}, error }: Answer): void {
    for (const listener of this.#listeners.get(`${sessionId} ${method}`) ?? []) listener(params);
    if (id === undefined) return;
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(error.message));
  }
}

export class BareContext {
  readonly #browser: BareBrowser;
  readonly #id: string | undefined;

  constructor(browser: BareBrowser, id: string | undefined) {
    this.#browser = browser;
    this.#id = id;
  }

  async newPage(): Promise<BarePage> {
    const { targetId } = await this.#browser.send('Target.createTarget', {
      url: 'about:blank',
      browserContextId: this.#id,
    });
    const page = new BarePage(this.#browser, targetId as string, await this.#browser.attach(targetId as string));
    await page.send('Page.enable');
    return page;
  }

  async close(): Promise<void> {
    await this.#browser.send('Target.disposeBrowserContext', { browserContextId: this.#id });
  }
}

/** What the benchmarks need of Playwright's page, by the same names. */
export class BarePage {
  readonly #browser: BareBrowser;
  readonly #target: string;
  readonly #session: string;

  constructor(browser: BareBrowser, target: string, session: string) {
    this.#browser = browser;
    this.#target = target;
    this.#session = session;
  }

  /** One command of the DevTools protocol. */
  send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    return this.#browser.send(method, params, this.#session);
  }

  on(method: string, listener: EventListener): () => void {
    return this.#browser.on(this.#session, method, listener);
  }

  goto(url: string): Promise<void> {
    return this.#load('Page.navigate', { url });
  }

  reload(): Promise<void> {
    return this.#load('Page.reload');
  }

  async close(): Promise<void> {
    await this.#browser.send('Target.closeTarget', { targetId: this.#target });
  }

  async #load(method: string, params?: object): Promise<void> {
    let stop: (() => void) | undefined;
    const loaded = new Promise<void>((resolve) => {
      stop = this.#browser.on(this.#session, 'Page.loadEventFired', () => resolve());
    });
    await this.send(method, params);
    await loaded;
    stop?.();
  }

  evaluate<Result>(action: () => Result | Promise<Result>): Promise<Result>;
  evaluate<Argument, Result>(
    action: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
  async evaluate(action: (argument: never) => unknown, argument: unknown = null): Promise<unknown> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression: `(${String(action)})(${JSON.stringify(argument)})`,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { readonly value: unknown }).value;
  }

  async addScriptTag({ path }: { readonly path: string }): Promise<void> {
    const expression = await readFile(path, 'utf8');
    await this.send('Runtime.evaluate', { expression });
  }

  async waitForFunction<Argument>(condition: (argument: Argument) => boolean, argument: Argument): Promise<void> {
    while (!(await this.evaluate(condition, argument))) await delay(POLL_MS);
  }
}
