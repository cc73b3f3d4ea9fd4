import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright';
import { HostilePeer, type HostileScript } from '../../test/stage/hostile-peer.ts';
import type { Stage } from '../../test/stage/stage.ts';
import type { UrgentApp } from './urgent-app.ts';

const POLL_MS = 20;
const SETTLED_MS = 20_000;

/** What all situations share. */
export interface Theatre {
  readonly urgent: UrgentApp;
  /** With signaling. */
  readonly stage: Stage;
  readonly browser: Browser;
  /** The origin as visitors reach it, at the end of a line. */
  readonly url: string;
  /** The same content where no signaling server answers. */
  readonly unsignaledUrl: string;
}

/** A browser in one situation. */
export interface Scene {
  /** The tab whose requests are timed. */
  readonly page: Page;
  /** Called before each request; may take its time. */
  refresh?(): Promise<void>;
  close(): Promise<void>;
}

/** A tab that Tabseed controls, with the engine running in it or in another one. */
export async function openTab(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  await page.evaluate(() => tabseed.ready);
  return page;
}

export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const limitMs = performance.now() + SETTLED_MS;
  while (!(await isSo())) {
    if (performance.now() > limitMs) throw new Error(`not in ${SETTLED_MS} ms: ${what}`);
    await delay(POLL_MS);
  }
}

/** One tab, alone in its browser; it leads. */
export async function loneTab(context: BrowserContext, url: string): Promise<Scene> {
  const page = await openTab(context, url);
  await until('the tab leads', () => page.evaluate(() => tabseed.stats().leader));
  return { page, close: () => context.close() };
}

/** One tab, and peers that follow a script. Whoever is left by the tab comes again as somebody else. */
export async function tabAmongPeers(theatre: Theatre, count: number, script: HostileScript): Promise<Scene> {
  const scene = await loneTab(await theatre.browser.newContext(), theatre.url);
  const peers: HostilePeer[] = [];
  const join = async (): Promise<void> => {
    peers.push(await HostilePeer.join(theatre.stage.url, theatre.urgent.app, script));
  };
  for (let index = 0; index < count; index += 1) await join();
  await until('peers are connected', () => scene.page.evaluate((wanted) => tabseed.stats().peers >= wanted, count));
  return {
    page: scene.page,
    async refresh() {
      for (const [index, peer] of [...peers.entries()]) {
        if (peer.wires.length === 0 || peer.wires.some(({ isOpen }) => isOpen)) continue;
        peers.splice(index, 1);
        await peer.close();
        await join();
        return;
      }
    },
    async close() {
      await Promise.all(peers.map((peer) => peer.close()));
      await scene.close();
    },
  };
}
