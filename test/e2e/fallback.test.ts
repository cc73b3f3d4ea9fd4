import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PublishedApp } from '../stage/app.ts';
import { Stage } from '../stage/stage.ts';
import { openTab, page, site } from './client-site.ts';

let app: PublishedApp;
let stage: Stage;
let tab: Page;

beforeAll(async () => {
  app = await site(
    { 'index.html': page('the app'), 'about.html': page('about') },
    { fallback: 'index.html', fallbackExcept: ['/api', '*-export'], mode: 'off' },
  );
  stage = await Stage.open(app.out, { signal: false });
  tab = await openTab(await (await stage.browser()).newContext(), stage.url);
  await tab.evaluate(() => tabseed.prefetch(['', 'about.html']));
  // From here on the origin says the same to everything.
  stage.answer = (_, __, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(page('the origin'));
    return true;
  };
});

afterAll(async () => {
  await stage.close();
  await app.remove();
});

/** The title of what is at an address. */
async function visit(path: string): Promise<string> {
  await tab.goto(`${stage.url}/${path}`);
  return tab.title();
}

describe('an address of a single-page app', () => {
  it.each(['', 'users', 'users/7?tab=files', 'users/', 'a/b/c#top', 'apiary'])(
    'gets the app’s page without the origin: /%s',
    async (path) => {
      expect(await visit(path)).toBe('the app');
    },
  );

  it('gets the file where there is one', async () => {
    expect(await visit('about.html')).toBe('about');
  });

  it.each(['api', 'api/login', 'users/7-export', 'missing.html', 'a.b/missing.js'])(
    'is the origin’s where it is excepted or has a dot in its last part: /%s',
    async (path) => {
      expect(await visit(path)).toBe('the origin');
    },
  );

  it('is for navigations alone', async () => {
    await visit('users');
    expect(await tab.evaluate(async () => (await fetch('/users')).text())).toContain('the origin');
  });
});
