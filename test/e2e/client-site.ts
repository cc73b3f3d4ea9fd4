import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright';
import { expect } from 'vitest';
import type { PublishOptions } from '../../src/publisher/index.ts';
import { type PublishedApp, publishApp } from '../stage/app.ts';

/** For `expect.poll`: ten times what a loaded machine takes. */
export const POLL = { timeout: 30_000 };

/** An HTML page; its icon keeps the browser from asking for one. */
export function page(title: string): string {
  return `<!doctype html><html lang="en"><head><title>${title}</title><link rel="icon" href="data:,"></head><body></body></html>`;
}

/** Publishes these files. */
export function site(
  files: Readonly<Record<string, string>>,
  options: Partial<PublishOptions> = {},
): Promise<PublishedApp> {
  return publishApp(async (source) => {
    for (const [path, text] of Object.entries(files)) await writeFile(join(source, path), text);
  }, options);
}

/** A tab that the worker controls. */
export async function openTab(context: BrowserContext, url: string): Promise<Page> {
  const tab = await context.newPage();
  await tab.goto(url);
  await tab.evaluate(() => tabseed.ready);
  return tab;
}

async function leadersAmong(tabs: readonly Page[]): Promise<Page[]> {
  const leading = await Promise.all(tabs.map((tab) => tab.evaluate(() => tabseed.stats().leader)));
  return tabs.filter((_, index) => leading[index]);
}

/** Waits until exactly one of the tabs leads. */
export async function oneLeader(tabs: readonly Page[]): Promise<Page> {
  await expect.poll(async () => (await leadersAmong(tabs)).length, POLL).toBe(1);
  const [leader] = await leadersAmong(tabs);
  if (!leader) throw new Error('the leader is gone again');
  return leader;
}

/** What `ready`, or the prefetch of a file, rejects with in the page: name, code and the worker's own code. */
export function failure(tab: Page, file?: string): Promise<string | undefined> {
  return tab.evaluate(async (wanted) => {
    try {
      await (wanted === undefined ? tabseed.ready : tabseed.prefetch([wanted]));
      return undefined;
    } catch (error) {
      const { name, code, detail } = error as { name: string; code: string; detail?: string };
      return [name, code, detail].filter((part) => part !== undefined).join(' ');
    }
  }, file);
}

/** Everything that a page says or throws. */
export function complaints(tab: Page): string[] {
  const heard: string[] = [];
  tab.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') heard.push(`${message.type()}: ${message.text()}`);
  });
  // Uncaught errors, unhandled rejections among them.
  tab.on('pageerror', (error) => heard.push(`thrown: ${error.message}`));
  return heard;
}

/** Chunks in the browser's store. */
export async function storedChunks(tab: Page): Promise<number> {
  return (await storedChunkIds(tab)).length;
}

/** The names of the chunks in the browser's store. */
export function storedChunkIds(tab: Page): Promise<string[]> {
  return tab.evaluate(
    () =>
      new Promise<string[]>((resolve, reject) => {
        const fail = (): void => reject(new Error('the store cannot be read'));
        void indexedDB.databases().then(([database]) => {
          if (!database?.name) {
            resolve([]);
            return;
          }
          const opening = indexedDB.open(database.name);
          opening.onerror = fail;
          opening.onsuccess = () => {
            const keys = opening.result.transaction('chunks').objectStore('chunks').getAllKeys();
            keys.onerror = fail;
            keys.onsuccess = () => {
              opening.result.close();
              resolve(keys.result as string[]);
            };
          };
        }, fail);
      }),
  );
}
