import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Browser, BrowserContextOptions, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../setup/browser.ts';

const START = join(import.meta.dirname, '../../dist/demo/start.js');
/** Monaco's update is half a megabyte, applied to 10 MB of files. */
const UPDATE = { timeout: 30_000 };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

/** `npm start`, with folders of its own for what it keeps. */
class Demo {
  url = '';
  readonly temporary: string;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #waiting: { pattern: RegExp; resolve: (match: RegExpExecArray) => void }[] = [];

  private constructor(temporary: string) {
    this.temporary = temporary;
    const env = { ...process.env, TMPDIR: temporary, XDG_CONFIG_HOME: temporary };
    this.#child = spawn(process.execPath, [START, '--port', '0'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('no output');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#lines.push(line);
      for (const { pattern, resolve } of this.#waiting) {
        const match = pattern.exec(line);
        if (match) resolve(match);
      }
    });
  }

  static async start(): Promise<Demo> {
    const demo = new Demo(await mkdtemp(join(tmpdir(), 'tabseed-demo-test-')));
    const seeding = demo.line(/is mirrored/);
    const [, url = ''] = await demo.line(/Open +(http:\S+)/);
    demo.url = url;
    await seeding;
    return demo;
  }

  /** Resolves with the first line that matches, also when it was printed before. */
  line(pattern: RegExp): Promise<RegExpExecArray> {
    const printed = this.#lines.map((line) => pattern.exec(line)).find((match) => match !== null);
    if (printed) return Promise.resolve(printed);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ pattern, resolve });
      this.#child.once('exit', (code) => reject(new Error(`ended with ${String(code)}: ${this.#lines.join('\n')}`)));
    });
  }

  async type(text: string, answer: RegExp): Promise<void> {
    this.#lines.length = 0;
    this.#child.stdin?.write(`${text}\n`);
    await this.line(answer);
  }

  /** Ctrl+C. @returns the exit code. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode;
    const ended = once(this.#child, 'exit') as Promise<[number | null]>;
    this.#child.kill('SIGINT');
    return (await ended)[0];
  }
}

describe('the demo', () => {
  let demo: Demo;
  let browsers: Browser[];

  beforeAll(async () => {
    [demo, ...browsers] = await Promise.all([Demo.start(), launchChromium(), launchChromium()]);
  });

  afterAll(async () => {
    await Promise.all(browsers.map((browser) => browser.close()));
    await demo.stop();
    await rm(demo.temporary, { recursive: true, force: true });
  });

  async function visit(browser: Browser | undefined, options: BrowserContextOptions = {}) {
    if (!browser) throw new Error('no browser');
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const violations: string[] = [];
    page.on('console', (message) => {
      if (/Content Security Policy|Permissions-Policy|Cross-Origin/.test(message.text()))
        violations.push(message.text());
    });
    page.on('pageerror', (error) => violations.push(error.message));
    await page.goto(demo.url);
    await page.locator('#problem').waitFor();
    return { context, page, violations };
  }

  it('shows the editor, the mistake that TypeScript finds, and what peers gave', async () => {
    const { context, page, violations } = await visit(browsers[0]);
    await expect.poll(() => page.locator('#problem').textContent()).toMatch(/Line 12: .*not assignable/);
    expect(await page.locator('#status').textContent()).toMatch(/^Editor loaded in /);
    await page.waitForFunction(() => tabseed.stats().bytes.peers > 0);
    expect(await page.locator('#files tr').first().textContent()).toMatch(/ts\.worker.*7\.0 MB/);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect(violations).toEqual([]);
    await context.close();
  });

  it('fills another browser while its origin refuses the editor and all packs, also after starting over', async () => {
    const first = await visit(browsers[0]);
    await demo.type('o', /origin: answers 503/);
    const second = await visit(browsers[1]);
    expect(await ofRelease(second.page)).toEqual({ origin: 0, hasPeers: true });

    await Promise.all([second.page.waitForEvent('load'), second.page.locator('#reset').click()]);
    await second.page.locator('#problem').waitFor();
    // What peers have just given is in the store by the time that another file or frame asks for it: some, never most. At
    // once, as some seconds later the leader reads the store for what a page starts with.
    const { store, peers } = await second.page.evaluate(() => tabseed.stats().bytes);
    expect(peers).toBeGreaterThan(store);
    expect(await ofRelease(second.page)).toEqual({ origin: 0, hasPeers: true });

    await demo.type('o', /origin: gives everything/);
    await Promise.all([first.context.close(), second.context.close()]);
  });

  it('can be used by keyboard alone', async () => {
    const { context, page } = await visit(browsers[0]);
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('skip-link');
    await page.locator('#editor textarea, #editor [role=textbox]').first().focus();
    const reached: string[] = [];
    for (let presses = 0; presses < 14 && reached.at(-1) !== 'reset'; presses += 1) {
      await page.keyboard.press('Tab');
      reached.push(await focused(page));
    }
    expect(reached).toEqual(expect.arrayContaining(['problem', 'pause', 'no-uploads', 'files', 'reset']));
    await context.close();
  });

  it('lets its visitor stop the exchange with peers, and give them nothing from now on, by keyboard', async () => {
    const { context, page } = await visit(browsers[0]);
    const pause = page.locator('#pause');
    const noUploads = page.locator('#no-uploads');
    await page.waitForFunction(() => tabseed.stats().peers > 0);
    await pause.press('Enter');
    expect(await pause.textContent()).toBe('Resume peers');
    await page.waitForFunction(() => tabseed.stats().peers === 0);
    expect(await page.locator('#peers').textContent()).toBe('0');
    await pause.press('Space');
    expect(await pause.textContent()).toBe('Pause peers');
    await page.waitForFunction(() => tabseed.stats().peers > 0);

    await noUploads.press('Space');
    expect(await page.evaluate(() => tabseed.stats().consent)).toBe('downloads');
    const other = await context.newPage();
    await other.goto(demo.url);
    await other.locator('#controls').waitFor();
    expect(await other.locator('#no-uploads').isChecked()).toBe(true);
    await other.locator('#no-uploads').press('Space');
    await page.waitForFunction(() => tabseed.stats().consent === 'all');
    expect(await noUploads.isChecked()).toBe(false);
    await context.close();
  });

  it('fits a phone, with the details of its panel folded away', async () => {
    const { context, page, violations } = await visit(browsers[0], PHONE);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(PHONE.viewport.width);
    expect(await page.locator('#panel-body').isVisible()).toBe(false);
    await page.locator('#panel-toggle').tap();
    expect(await page.locator('#panel-body').isVisible()).toBe(true);
    expect(await page.locator('#panel-toggle').getAttribute('aria-expanded')).toBe('true');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(PHONE.viewport.width);
    expect(violations).toEqual([]);
    await context.close();
  });

  it('updates from Monaco 0.56.0 to 0.57.0 when its visitor says so, and only in that window', async () => {
    const { context, page, violations } = await visit(browsers[0]);
    const other = await context.newPage();
    await other.goto(demo.url);
    await other.locator('#problem').waitFor();
    await demo.type('u', /release 0\.57\.0 is out/);

    const update = page.locator('#update');
    await update.press('Enter');
    await expect.poll(() => update.textContent(), UPDATE).toBe('Update to 0.57.0');
    expect(await page.locator('#release').textContent()).toBe('Release 0.56.0');
    await Promise.all([page.waitForEvent('load'), update.press('Enter')]);
    await page.locator('#problem').waitFor();
    expect(await page.locator('#release').textContent()).toBe('Release 0.57.0');

    await other.locator('#problem').click();
    expect(await other.locator('#release').textContent()).toBe('Release 0.56.0');
    expect(await other.locator('#update').textContent()).toBe('Update to 0.57.0');
    for (const file of ['vs/loader.js', 'vs/editor/editor.main.js', 'vs/editor/editor.main.css']) {
      expect(await sha256Of(page, `monaco/${file}`)).toBe(await sha256OfPackage('monaco-editor', file));
      expect(await sha256Of(other, `monaco/${file}`)).toBe(await sha256OfPackage('monaco-editor-previous', file));
    }
    expect(violations).toEqual([]);
    await context.close();
  });

  it('stops on Ctrl+C and leaves no files', async () => {
    expect(await demo.stop()).toBe(0);
    expect((await readdir(demo.temporary)).filter((name) => name.startsWith('tabseed-demo'))).toEqual([]);
  });
});

describe('the demo command', () => {
  it('explains itself, and refuses what it does not know with exit code 2', async () => {
    expect(await output(['--help'])).toMatchObject({ code: 0, text: expect.stringContaining('--no-seed') as string });
    expect(await output(['--prot', '1'])).toMatchObject({ code: 2, text: expect.stringContaining('--prot') as string });
    expect(await output(['--port', 'x'])).toMatchObject({
      code: 2,
      text: expect.stringContaining('--port x') as string,
    });
  });
});

async function output(args: readonly string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [START, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (text += String(data)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, text };
}

function ofRelease(page: Page): Promise<{ origin: number; hasPeers: boolean }> {
  return page.evaluate(() => {
    const { origin, peers } = tabseed.stats().bytes;
    return { origin, hasPeers: peers > 0 };
  });
}

/** SHA-256, in hex, of a file as the page gets it. */
function sha256Of(page: Page, url: string): Promise<string> {
  return page.evaluate(async (address) => {
    const body = await (await fetch(address)).arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
    return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }, url);
}

/** SHA-256, in hex, of a file of Monaco as npm has it. */
async function sha256OfPackage(name: string, file: string): Promise<string> {
  const path = join(import.meta.dirname, '../../node_modules', name, 'min', file);
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** The id, class or role of what has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.id || document.activeElement?.className || '');
}
