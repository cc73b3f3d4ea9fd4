import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PublishedApp } from '../stage/app.ts';
import { Stage } from '../stage/stage.ts';
import { complaints, openTab, POLL, page, site } from './client-site.ts';

const DATA_BYTES = 300_000;
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:";

let app: PublishedApp;
let stage: Stage;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  const files = { 'index.html': page('app'), 'data.bin': 'x'.repeat(DATA_BYTES) };
  app = await site({ ...files, _headers: `/*\n  Content-Security-Policy: ${POLICY}\n` }, { version: 'v7' });
  stage = await Stage.open(app.out);
  // As a host with the app's `_headers` sends it; `tabseed serve` has them for files of the release.
  const { answer } = stage;
  stage.answer = (path, request, response) => {
    response.setHeader('Content-Security-Policy', POLICY);
    return answer(path, request, response);
  };
  browser = await stage.browser();
});

beforeEach(async () => {
  context = await browser.newContext();
});

afterEach(async () => {
  await context.close();
});

afterAll(async () => {
  await stage.close();
  await app.remove();
});

/** Where the app has been visited before. */
async function openState(): Promise<{ readonly state: Page; readonly heard: string[] }> {
  const tab = await openTab(context, stage.url);
  await tab.evaluate(() => tabseed.prefetch(['data.bin']));
  const state = await context.newPage();
  const heard = complaints(state);
  await state.goto(`${stage.url}/tabseed/state`);
  await state.waitForFunction(() => document.getElementById('status')?.textContent.includes('works'));
  return { state, heard };
}

describe('the state page', () => {
  it('shows the release, what is stored of it and where bytes came from, under a strict policy', async () => {
    const { state, heard } = await openState();
    expect(new URL(state.url()).pathname).toBe('/tabseed/state/');
    const { sequence, files } = app.manifest;
    expect(await state.textContent('#release')).toBe(`${sequence} (v7)`);
    const totalBytes = files.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
    expect(totalBytes).toBeGreaterThan(DATA_BYTES);
    const row = [String(sequence), 'v7', 'active', '300.2 kB', '300.2 kB'];
    await expect.poll(() => state.locator('#releases tr').locator('th, td').allTextContents(), POLL).toEqual(row);
    const sources = await state.locator('#sources th').allTextContents();
    expect(sources).toEqual(['this browser', 'peers', 'origin', 'given to peers', 'wasted']);
    expect(heard).toEqual([]);
  });

  it('asks for an update with the keyboard alone, and says what went wrong', async () => {
    const { state } = await openState();
    const focused = () => state.evaluate(() => document.activeElement?.id);
    await state.keyboard.press('Tab');
    expect(await focused()).toBe('check');
    await state.keyboard.press('Enter');
    await expect.poll(() => state.textContent('#status'), POLL).toBe('Checked.');
    stage.refuse = (path) => path.endsWith('pointer.bin');
    await state.keyboard.press('Enter');
    await expect.poll(() => state.textContent('#status'), POLL).toContain('request-failed');
    stage.refuse = () => false;
    await state.keyboard.press('Tab');
    expect(await focused()).toBe('remove');
  });

  it('removes the worker and all that it has stored, after a question', async () => {
    const { state } = await openState();
    state.once('dialog', (dialog) => void dialog.dismiss());
    await state.click('#remove');
    expect(await state.isEnabled('#remove')).toBe(true);
    state.once('dialog', (dialog) => void dialog.accept());
    await state.click('#remove');
    await expect.poll(() => state.textContent('#status'), POLL).toContain('Removed');
    const left = () =>
      state.evaluate(async () => ({
        workers: (await navigator.serviceWorker.getRegistrations()).length,
        databases: (await indexedDB.databases()).length,
        caches: (await caches.keys()).length,
        // Who leads writes: what is gone would come back.
        leaders: (await navigator.locks.query()).held?.length,
      }));
    await expect.poll(left, POLL).toEqual({ workers: 0, databases: 0, caches: 0, leaders: 0 });
    expect(await state.locator('#releases tr').count()).toBe(0);
    // Another visit brings it back.
    await context.pages()[0]?.close();
    await openTab(context, stage.url);
  });

  it('is dark where the device is', async () => {
    const { state } = await openState();
    const ground = () => state.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await state.emulateMedia({ colorScheme: 'light' });
    expect(await ground()).toBe('rgb(246, 247, 246)');
    await state.emulateMedia({ colorScheme: 'dark' });
    expect(await ground()).toBe('rgb(16, 21, 20)');
  });
});
