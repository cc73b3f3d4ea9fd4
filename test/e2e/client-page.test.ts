import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium } from '../setup/browser.ts';
import type { PublishedApp } from '../stage/app.ts';
import { Stage } from '../stage/stage.ts';
import { complaints, failure, oneLeader, openTab, POLL, page, site, storedChunks } from './client-site.ts';

let app: PublishedApp;
let stage: Stage;

beforeAll(async () => {
  app = await site({
    'index.html': page('client'),
    'other-worker.js': 'addEventListener("fetch", () => undefined);',
    'data.bin': 'x'.repeat(300_000),
  });
});

beforeEach(async () => {
  stage = await Stage.open(app.out);
});

afterEach(async () => {
  await stage.close();
});

afterAll(async () => {
  await app.remove();
});

describe('the first visit', () => {
  it('gives the worker all that the page has loaded, also beyond the 250 that browsers list', async () => {
    const scripts = Array.from({ length: 300 }, (_, index) => `script-${index}.js`);
    const tags = scripts.map((path) => `<script src="${path}"></script>`).join('');
    const files = Object.fromEntries(scripts.map((path) => [path, `document.title += "${path}";`]));
    const large = await site({ 'index.html': page('many').replace('<body>', `<body>${tags}`), ...files });
    const largeStage = await Stage.open(large.out);
    try {
      const tab = await openTab(await (await largeStage.browser()).newContext(), largeStage.url);
      await expect.poll(() => storedChunks(tab), POLL).toBe(scripts.length + 1);
      const before = largeStage.responses.length;
      await tab.evaluate((paths) => Promise.all(paths.map((path) => fetch(path))), scripts);
      await tab.reload();
      const content = largeStage.served((path) => path === '/' || path.startsWith('/script-'));
      expect(content).toHaveLength(scripts.length + 1);
      expect(largeStage.served((path) => path.includes('/pack-'), before)).toEqual([]);
    } finally {
      await largeStage.close();
      await large.remove();
    }
  });
});

describe('a page where Tabseed cannot work', () => {
  it('is left alone when another worker owns the scope', async () => {
    const context = await (await stage.browser()).newContext();
    const tab = await context.newPage();
    await tab.goto(stage.blankUrl);
    await tab.evaluate(async () => {
      await navigator.serviceWorker.register('/other-worker.js', { scope: '/' });
      await navigator.serviceWorker.ready;
    });
    const heard = complaints(tab);
    await tab.goto(stage.url);
    expect(await failure(tab)).toBe('TabseedError scope-taken');
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatch(/^warning: Tabseed: .*other-worker\.js.*\(scope-taken\)$/);
    const workers = await tab.evaluate(async () =>
      (await navigator.serviceWorker.getRegistrations()).map(({ active }) => active?.scriptURL),
    );
    expect(workers).toEqual([`${stage.url}/other-worker.js`]);
  });

  it('has the API and no uncaught error in an insecure context', async () => {
    const browser = await launchChromium({ args: ['--host-resolver-rules=MAP insecure.test 127.0.0.1'] });
    try {
      const tab = await (await browser.newContext()).newPage();
      const heard = complaints(tab);
      await tab.goto(`http://insecure.test:${stage.server.port}/`);
      expect(await tab.evaluate(() => [isSecureContext, tabseed.stats().peers])).toEqual([false, 0]);
      expect(await failure(tab)).toBe('TabseedError unsupported');
      expect(await failure(tab, 'data.bin')).toBe('TabseedError unsupported');
      expect(heard).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  it('registers nothing with ?tabseed=off', async () => {
    const tab = await (await (await stage.browser()).newContext()).newPage();
    const heard = complaints(tab);
    await tab.goto(`${stage.url}/?tabseed=off`);
    expect(await failure(tab)).toBe('TabseedError disabled');
    expect(await tab.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length)).toBe(0);
    expect(heard).toEqual([]);
  });

  it('says that the worker was not installed when its script is missing', async () => {
    stage.refuse = (path) => path === '/tabseed-sw.js';
    const tab = await (await (await stage.browser()).newContext()).newPage();
    await tab.goto(stage.url);
    expect(await failure(tab)).toBe('TabseedError registration-failed');
  });

  it('stays uncontrolled after Shift-reload without reloading itself', async () => {
    const context = await (await stage.browser()).newContext();
    const tab = await openTab(context, stage.url);
    await oneLeader([tab]);
    const devtools = await context.newCDPSession(tab);
    const navigations: string[] = [];
    tab.on('framenavigated', (frame) => navigations.push(frame.url()));
    const loaded = tab.waitForEvent('load');
    await devtools.send('Page.reload', { ignoreCache: true });
    await loaded;
    expect(await failure(tab)).toBe('TabseedError uncontrolled');
    expect(navigations).toHaveLength(1);
    await tab.reload();
    expect(await failure(tab)).toBe(undefined);
  });
});

describe('a page with a strict policy', () => {
  it('runs the client, its worker and its engine under CSP and Trusted Types', async () => {
    const policy = [
      "default-src 'none'",
      "script-src 'self'",
      "worker-src 'self'",
      "connect-src 'self'",
      'img-src data:',
      "require-trusted-types-for 'script'",
      'trusted-types tabseed',
    ].join('; ');
    const strict = await site({
      'index.html': page('strict'),
      _headers: `/*\n  Content-Security-Policy: ${policy}\n`,
    });
    const strictStage = await Stage.open(strict.out);
    try {
      const tab = await (await (await strictStage.browser()).newContext()).newPage();
      const heard = complaints(tab);
      const response = await tab.goto(strictStage.url);
      expect(response?.headers()['content-security-policy']).toBe(policy);
      expect(await failure(tab)).toBe(undefined);
      await expect.poll(() => strictStage.server.signal?.stats().peers, POLL).toBe(1);
      expect(heard).toEqual([]);
    } finally {
      await strictStage.close();
      await strict.remove();
    }
  });
});

describe('a browser without peers', () => {
  it('opens no socket in mode off, and is served all the same', async () => {
    const quiet = await site({ 'index.html': page('quiet'), 'data.bin': 'x'.repeat(300_000) }, { mode: 'off' });
    const quietStage = await Stage.open(quiet.out);
    try {
      const tab = await openTab(await (await quietStage.browser()).newContext(), quietStage.url);
      await oneLeader([tab]);
      await tab.evaluate(() => tabseed.prefetch(['data.bin']));
      await tab.waitForFunction(() => tabseed.stats().bytes.origin >= 300_000);
      expect(quietStage.server.signal?.stats().connections).toBe(0);
    } finally {
      await quietStage.close();
      await quiet.remove();
    }
  });
});
