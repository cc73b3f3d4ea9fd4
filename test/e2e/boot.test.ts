import { randomBytes } from 'node:crypto';
import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium } from '../setup/browser.ts';
import type { PublishedApp } from '../stage/app.ts';
import { Stage } from '../stage/stage.ts';
import { complaints, openTab, POLL, page, site } from './client-site.ts';

/** What the page names: some 300 KB that no peer but another browser has when the origin gives none of it. */
const FILES = ['app.js', 'style.css'];
const FILE = /^\/(?:app\.js|style\.css)$/;
const PACK = /^\/tabseed\/pack-/;
/** As `src/client/boot.ts` has it. */
const DEADLINE_MS = 3000;
/** What a busy machine may be late with a timer. */
const LATE_MS = 1500;

const HTML = page('booted').replace(
  '</head><body>',
  '<link rel="stylesheet" href="style.css"><script src="app.js" async></script></head><body><p>readable</p>',
);
const CONTENT = {
  'index.html': HTML,
  'app.js': `document.documentElement.dataset.ran = "yes";/*${randomBytes(150_000).toString('hex')}*/`,
  'style.css': `p { color: green }/*${randomBytes(20_000).toString('hex')}*/`,
};

let app: PublishedApp;
let browser: Browser;
let stage: Stage;

beforeAll(async () => {
  app = await site(CONTENT, { boot: true });
  browser = await launchChromium();
});

beforeEach(async () => {
  stage = await Stage.open(app.out);
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await stage.close();
});

afterAll(async () => {
  await browser.close();
  await app.remove();
});

/** A page whose first document may never tell of its load. */
async function visit(context: BrowserContext, url: string): Promise<Page> {
  const tab = await context.newPage();
  await tab.goto(url, { waitUntil: 'commit' });
  return tab;
}

/** The app's own script has run, and its style counts. */
function works(tab: Page): Promise<void> {
  return expect.poll(() => stateOf(tab), POLL).toEqual({ ran: 'yes', color: 'rgb(0, 128, 0)', text: 'readable' });
}

/** `undefined` between two documents. */
async function stateOf(tab: Page): Promise<object | undefined> {
  return await tab
    .evaluate(() => {
      const paragraph = document.querySelector('p');
      const color = paragraph === null ? '' : getComputedStyle(paragraph).color;
      return { ran: document.documentElement.dataset.ran, color, text: paragraph?.textContent };
    })
    .catch(() => undefined);
}

/** The page itself may be there before Tabseed's script, which nothing waits for. */
async function ready(tab: Page): Promise<void> {
  await expect.poll(() => tab.evaluate(() => 'tabseed' in globalThis), POLL).toBe(true);
  await tab.evaluate(() => tabseed.ready);
}

/** How long the page was held up: until the document that stayed began to come. */
function heldUpMs(tab: Page): Promise<number> {
  return tab.evaluate(() => {
    const [load] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    const startedMs = Number(sessionStorage.getItem('tabseed boot'));
    return performance.timeOrigin + (load?.responseStart ?? Number.NaN) - startedMs;
  });
}

function documents(since = 0): number {
  return stage.served((path) => path === '/', since).length;
}

describe('a first visit to an app that was published with --boot', () => {
  it('gets the files of the page from another browser, while the origin gives none of them', async () => {
    const seed = await openTab(await browser.newContext(), stage.url);
    await seed.evaluate((files) => tabseed.prefetch(['index.html', ...files]), FILES);
    stage.refuse = (path) => FILE.test(path) || PACK.test(path);
    const tab = await visit(await browser.newContext(), stage.url);
    await works(tab);
    await expect.poll(() => tab.evaluate(() => tabseed.stats().bytes.peers), POLL).toBeGreaterThan(300_000);
    expect(await heldUpMs(tab)).toBeLessThan(DEADLINE_MS + LATE_MS);
  });

  it('holds up no page for a second time', async () => {
    const tab = await visit(await browser.newContext(), stage.url);
    await works(tab);
    await ready(tab);
    const mark = await tab.evaluate(() => sessionStorage.getItem('tabseed boot'));
    let loads = 0;
    tab.on('load', () => {
      loads += 1;
    });
    await tab.goto(stage.url);
    await works(tab);
    expect(loads).toBe(1);
    const second = await openTab(tab.context(), stage.url);
    expect(await second.evaluate(() => sessionStorage.getItem('tabseed boot'))).toBeNull();
    expect(await tab.evaluate(() => sessionStorage.getItem('tabseed boot'))).toBe(mark);
  });

  it.each([
    ['the worker script', '/tabseed-sw.js'],
    ['the client script', '/tabseed/client.js'],
    ['the pointer', '/tabseed/pointer.bin'],
  ])('has its page after the deadline when %s never comes', async (_, silent) => {
    stage.answer = (path) => path === silent;
    const tab = await visit(await browser.newContext(), stage.url);
    await works(tab);
    expect(await heldUpMs(tab)).toBeLessThan(DEADLINE_MS + LATE_MS);
  });

  it('has its page in time when no signaling server answers', async () => {
    await stage.close();
    stage = await Stage.open(app.out, { signal: false });
    const tab = await visit(await browser.newContext(), stage.url);
    await works(tab);
    expect(await heldUpMs(tab)).toBeLessThan(DEADLINE_MS + LATE_MS);
  });

  it('runs under CSP and Trusted Types', async () => {
    const policy = [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      'img-src data:',
      "require-trusted-types-for 'script'",
      'trusted-types tabseed',
    ].join('; ');
    const strict = await site({ ...CONTENT, _headers: `/*\n  Content-Security-Policy: ${policy}\n` }, { boot: true });
    const strictStage = await Stage.open(strict.out);
    try {
      const tab = await (await browser.newContext()).newPage();
      const heard = complaints(tab);
      await tab.goto(strictStage.url, { waitUntil: 'commit' });
      await works(tab);
      await ready(tab);
      expect(await tab.evaluate(() => sessionStorage.getItem('tabseed boot'))).not.toBeNull();
      expect(heard).toEqual([]);
    } finally {
      await strictStage.close();
      await strict.remove();
    }
  });
});

describe('the plain page of an app that was published with --boot', () => {
  it('is what a reader without scripts gets', async () => {
    const tab = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
    await tab.goto(stage.url);
    expect(await tab.textContent('p')).toBe('readable');
    expect(documents()).toBe(1);
  });

  it.each([
    ['a crawler', { userAgent: 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' }, ''],
    ['who goes around Tabseed', {}, '?tabseed=off'],
  ])('is what %s gets, at once', async (_, options, query) => {
    const tab = await (await browser.newContext(options)).newPage();
    await tab.goto(`${stage.url}/${query}`);
    await works(tab);
    expect(documents()).toBe(1);
    expect(await tab.evaluate(() => sessionStorage.getItem('tabseed boot'))).toBeNull();
  });

  it('is what a page gets where there are no workers', async () => {
    const insecure = await launchChromium({ args: ['--host-resolver-rules=MAP insecure.test 127.0.0.1'] });
    try {
      const tab = await (await insecure.newContext()).newPage();
      await tab.goto(`http://insecure.test:${stage.server.port}/`);
      await works(tab);
      expect(documents()).toBe(1);
    } finally {
      await insecure.close();
    }
  });
});
