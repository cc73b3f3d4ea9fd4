import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { build } from 'vite';
import { afterEach, describe, expect, it } from 'vitest';
import { generateKey, publish } from '../../src/publisher/index.ts';
import { SCRIPTS } from '../stage/app.ts';
import { Stage } from '../stage/stage.ts';
import { openTab, POLL, storedChunks } from './client-site.ts';

const ROOT = join(import.meta.dirname, '../..');
const KEY = generateKey().pem;

const INDEX = `<!doctype html><html><head><title>app</title><link rel="icon" href="data:,"></head>
<body><script>navigator.serviceWorker.register('/sw.js')</script></body></html>`;

/** What both workers do besides, and what the test asks them. */
const ROUTES = (version: string) => `
  self.addEventListener('install', () => self.skipWaiting());
  self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
  self.addEventListener('message', (event) => {
    // Both are also names of messages of Tabseed.
    if (event.data.type !== 'check') return;
    event.source.postMessage({ type: 'retired' });
    event.ports[0].postMessage('${version}');
  });
  self.addEventListener('push', (event) => {
    event.waitUntil(caches.open('own').then((cache) => cache.put('/pushed', new Response(event.data.text()))));
  });
`;

/** As people write it, without a bundler. */
const handWritten = (version: string) => `
  importScripts('tabseed-sw.js');
  ${ROUTES(version)}
  self.addEventListener('install', (event) => {
    event.waitUntil(caches.open('own').then((cache) => cache.put('/offline', new Response('the offline page'))));
  });
  self.addEventListener('fetch', (event) => {
    if (new URL(event.request.url).pathname === '/own') event.respondWith(new Response('own ${version}'));
    else event.respondWith(fetch(event.request).catch(() => caches.match('/offline')));
  });
`;

const workbox = (version: string) => `
  import { installTabseed } from ${JSON.stringify(join(ROOT, 'src/sw/index.ts'))};
  import { precacheAndRoute } from 'workbox-precaching';
  import { registerRoute, setCatchHandler } from 'workbox-routing';
  installTabseed(self);
  ${ROUTES(version)}
  // No file of the release: those are Tabseed's.
  precacheAndRoute([{ url: '/static.txt', revision: '1' }]);
  registerRoute(({ url }) => url.pathname === '/own', () => Promise.resolve(new Response('own ${version}')));
  registerRoute(({ request }) => request.mode === 'navigate', ({ request }) => fetch(request));
  setCatchHandler(async () => new Response('the offline page'));
`;

async function bundled(source: string): Promise<string> {
  // Does not exist: packages are found from there.
  const entry = join(ROOT, 'own-worker-entry.js');
  const result = await build({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? source : undefined),
      },
    ],
    build: { write: false, rolldownOptions: { input: entry, output: { format: 'iife' } } },
  });
  const [output] = [result].flat();
  if (output === undefined || !('output' in output)) throw new Error('no output');
  return output.output[0].code;
}

let release: () => Promise<void> = () => Promise.resolve();
afterEach(() => release());

async function publishTo(out: string, source: string, worker: string): Promise<void> {
  await mkdir(source, { recursive: true });
  await writeFile(join(source, 'index.html'), INDEX);
  await writeFile(join(source, 'data.bin'), 'x'.repeat(300_000));
  await writeFile(join(source, 'static.txt'), 'static');
  await writeFile(join(source, 'sw.js'), worker);
  await publish({ source, out, key: KEY, scripts: SCRIPTS, worker: 'sw.js', exclude: ['static.txt'] });
}

const text = (tab: Page, path: string) => tab.evaluate(async (url) => (await fetch(url)).text(), path);

const versionOf = (tab: Page) =>
  tab.evaluate(
    () =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(data);
        navigator.serviceWorker.controller?.postMessage({ type: 'check' }, [port2]);
      }),
  );

describe.each([
  ['a hand-written worker', (version: string) => Promise.resolve(handWritten(version))],
  ['a Workbox worker', (version: string) => bundled(workbox(version))],
])('%s with Tabseed in it', (_name, make) => {
  it('delivers the release, and does what it did before, over restarts, offline and when it is updated', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tabseed-own-'));
    const [source, out] = [join(folder, 'source'), join(folder, 'out')];
    await publishTo(out, source, await make('v1'));
    const stage = await Stage.open(out);
    release = async () => {
      await stage.close();
      await rm(folder, { recursive: true });
    };
    stage.refuse = (path) => path === '/never';
    const context = await (await stage.browser()).newContext();
    const tab = await openTab(context, stage.url);
    const devtools = await context.newCDPSession(tab);
    const registrations: { registrationId: string; scopeURL: string }[] = [];
    devtools.on('ServiceWorker.workerRegistrationUpdated', (event) => registrations.push(...event.registrations));
    await devtools.send('ServiceWorker.enable');

    // Tabseed's part: it is the app's worker that delivers, and no other is registered.
    const scripts = await tab.evaluate(async () =>
      (await navigator.serviceWorker.getRegistrations()).map(({ active }) => active?.scriptURL),
    );
    expect(scripts).toEqual([new URL('sw.js', stage.url).href]);
    await tab.evaluate(() => tabseed.prefetch(['data.bin']));
    // The page and two chunks of the file: what a leader's engine has fetched is written some time later.
    await expect.poll(() => storedChunks(tab), POLL).toBe(3);
    const source1 = await tab.evaluate(async () => (await fetch('data.bin')).headers.get('server-timing'));
    expect(source1).toMatch(/^tabseed;desc="store", tabseed\.r;desc="\d+"$/);

    // The app's part.
    expect(await text(tab, '/own')).toBe('own v1');
    expect(await versionOf(tab)).toBe('v1');
    await tab.evaluate(() => tabseed.prefetch(['data.bin']));
    await expect.poll(() => registrations.length, POLL).toBeGreaterThan(0);
    await devtools.send('ServiceWorker.deliverPushMessage', {
      origin: new URL(stage.url).origin,
      registrationId: registrations[0]?.registrationId ?? '',
      data: 'news',
    });
    const pushed = () => tab.evaluate(async () => (await caches.match('/pushed'))?.text());
    await expect.poll(pushed, POLL).toBe('news');

    // Of a worker that has just started, Tabseed does not know yet which paths are its own.
    await devtools.send('ServiceWorker.stopAllWorkers');
    expect(await text(tab, '/own')).toBe('own v1');

    await context.setOffline(true);
    await devtools.send('ServiceWorker.stopAllWorkers');
    await tab.goto(new URL('no-such-page', stage.url).href);
    expect(await tab.evaluate(() => document.body.textContent)).toBe('the offline page');
    await tab.goto(stage.url);
    expect(await tab.title()).toBe('app');
    expect(await text(tab, '/data.bin')).toHaveLength(300_000);
    await context.setOffline(false);

    await publishTo(out, source, await make('v2'));
    await tab.evaluate(() => {
      const { serviceWorker } = navigator;
      const taken = new Promise((resolve) => serviceWorker.addEventListener('controllerchange', resolve));
      Object.assign(globalThis, { taken });
    });
    // The end of the offline emulation reaches the browser's own requests some time later: asked until it is answered.
    const updates = () =>
      tab.evaluate(async () =>
        (await navigator.serviceWorker.ready).update().then(
          () => true,
          () => false,
        ),
      );
    await expect.poll(updates, POLL).toBe(true);
    // It waits for the events of the one before: for ten seconds after a navigation, where no page looks for news.
    await tab.evaluate(() => (globalThis as unknown as { taken: Promise<unknown> }).taken);
    expect(await versionOf(tab)).toBe('v2');
    expect(await text(tab, '/own')).toBe('own v2');
    await tab.reload();
    await tab.evaluate(() => tabseed.checkForUpdate());
  });
});
