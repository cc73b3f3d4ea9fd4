import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createNodePeer, type NodePeer } from '../../src/node/index.ts';
import { demoApp, type PublishedApp } from '../stage/app.ts';
import { Stage } from '../stage/stage.ts';

const isPack = (path: string): boolean => path.includes('/tabseed/pack-');
const isMonaco = (path: string): boolean => path.startsWith('/monaco/');
const isContent = (path: string): boolean => isPack(path) || isMonaco(path);

let app: PublishedApp;
let stage: Stage;
const closing: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  app = await demoApp();
}, 120_000);

beforeEach(async () => {
  stage = await Stage.open(app.out);
});

afterEach(async () => {
  await Promise.all(closing.splice(0).map((open) => open.close()));
  await stage.close();
});

afterAll(async () => {
  await app.remove();
});

/** A page in a browser with storage of its own, with the editor loaded. */
async function visit(browser: Browser): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(stage.url);
  await page.evaluate(() => tabseed.ready);
  await page.waitForSelector('#problem:not([hidden])');
  return page;
}

async function nodePeer(): Promise<NodePeer> {
  const peer = await createNodePeer({ url: stage.url, store: await stage.folder(), publicKeys: undefined });
  closing.push(peer);
  return peer;
}

/** Types a line with a type error and waits until TypeScript's worker says so. */
async function typeWrongTypeScript(page: Page): Promise<void> {
  await page.click('#editor .view-lines');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('const answer: number = "forty-two"');
  await page.waitForFunction(() => document.querySelector('#problem')?.textContent.includes('not assignable'));
}

/** Fetches every file of the release in the page; path → SHA-256 of what the page got. */
async function hashesSeenBy(page: Page): Promise<Map<string, string>> {
  const seen = await page.evaluate(
    async (paths) => {
      const hashes: [string, string][] = [];
      for (const path of paths) {
        const response = await fetch(path);
        const digest = await crypto.subtle.digest('SHA-256', await response.arrayBuffer());
        hashes.push([path, Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')]);
      }
      return hashes;
    },
    [...app.hashes.keys()],
  );
  return new Map(seen);
}

describe('the Monaco demo', () => {
  it('goes from the origin to one browser, and from that browser to two others', async () => {
    const first = await visit(await stage.browser());
    await first.evaluate((paths) => tabseed.prefetch(paths), [...app.hashes.keys()]);
    // A 304 sends nothing: the browser itself revalidates the icon before there is a worker.
    const sent = stage.served((path) => app.hashes.has(path.slice(1))).filter(({ status }) => status === 200);
    expect(sent.map(({ path }) => path)).toEqual([...new Set(sent.map(({ path }) => path))]);

    stage.refuse = isContent;
    const before = stage.responses.length;
    const others = [await visit(await stage.browser()), await visit(await stage.browser())];
    for (const page of others) {
      await typeWrongTypeScript(page);
      expect(await hashesSeenBy(page)).toEqual(app.hashes);
      const { bytes } = await page.evaluate(() => tabseed.stats());
      expect(bytes.peers).toBeGreaterThan(20_000_000);
      expect(bytes.origin).toBe(0);
    }
    const content = stage.served(isContent, before);
    expect(content.filter(({ status }) => status !== 503)).toEqual([]);
  });

  it('comes from a Node peer alone', async () => {
    const seed = await nodePeer();
    await seed.mirrored;
    stage.refuse = isContent;
    const page = await visit(await stage.browser());
    await typeWrongTypeScript(page);
    expect(await hashesSeenBy(page)).toEqual(app.hashes);
    expect((await page.evaluate(() => tabseed.stats())).bytes.origin).toBe(0);
  });

  it('fills a Node peer from a browser, and another browser from that Node peer', async () => {
    const browser = await stage.browser();
    const first = await visit(browser);
    await first.evaluate((paths) => tabseed.prefetch(paths), [...app.hashes.keys()]);
    stage.refuse = isContent;
    const seed = await nodePeer();
    await seed.mirrored;
    expect(seed.traffic.plain.origin).toBe(0);
    await browser.close();
    const second = await visit(await stage.browser());
    expect(await hashesSeenBy(second)).toEqual(app.hashes);
  });

  it('loads from the origin when there is no signaling server', async () => {
    await stage.close();
    stage = await Stage.open(app.out, { signal: false });
    const page = await visit(await stage.browser());
    await typeWrongTypeScript(page);
    const { bytes } = await page.evaluate(() => tabseed.stats());
    expect(bytes.origin).toBeGreaterThan(0);
    expect(bytes.peers).toBe(0);
  });
});
