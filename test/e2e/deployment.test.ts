import { createHash, randomBytes } from 'node:crypto';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { POINTER_PATH } from '../../src/protocol/layout.ts';
import { launchChromium } from '../setup/browser.ts';
import { CiJob, type CiRun } from '../stage/ci-job.ts';
import { readDeployJson, StaticHost } from '../stage/static-host.ts';
import { POLL } from './client-site.ts';

const SHARED = randomBytes(400_000);
const LARGE = randomBytes(1_500_000);

/** The build of one release: some files as in the other, some changed under their names, some new or gone. */
function build(release: number): Record<string, string | Uint8Array> {
  const large = Buffer.from(LARGE);
  large.fill(release, 700_000, 700_100);
  return {
    'index.html': `<!doctype html><html><head><title>release ${release}</title><link rel="icon" href="data:,"></head></html>`,
    'about/index.html': `<!doctype html><html><head><title>about release ${release}</title></head></html>`,
    'app.js': `export const release = ${release};\n`,
    [`assets/only-in-${release}.js`]: `export const only = ${release};\n`,
    'shared.bin': SHARED,
    'large.bin': large,
  };
}

const PATHS = [...new Set([...Object.keys(build(1)), ...Object.keys(build(2))])];

let browser: Browser;
let ci: CiJob;
let host: StaticHost;
let first: CiRun;

beforeAll(async () => {
  [browser, ci] = await Promise.all([launchChromium(), CiJob.create()]);
  first = await ci.publishFiles(build(1), '--mode', 'off');
});

afterAll(async () => {
  await Promise.all([browser.close(), ci.close()]);
});

beforeEach(async () => {
  host = await StaticHost.open();
  await host.upload(first.out);
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await host.close();
});

/** The second build, published into an empty folder by a job that knows the app's URL and its key. */
async function publishSecond(): Promise<CiRun> {
  return await ci.publishFiles(build(2), '--mode', 'off', '--previous', host.url);
}

/** A tab of a user who has all of the deployed release in the store. */
async function faithfulUser(): Promise<Page> {
  const page = await freshUser();
  await page.evaluate(() => tabseed.ready);
  await page.evaluate(
    (paths) => tabseed.prefetch(paths),
    Object.keys(build(1)).map((path) => path),
  );
  expect(await what(page)).toBe('release 1');
  return page;
}

async function freshUser(): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(host.url);
  return page;
}

/** Looks for news as a page may, then loads the page anew. Resolves with the code of a refusal. */
async function visitAgain(page: Page): Promise<string | undefined> {
  const code = await page.evaluate(async () => {
    try {
      await tabseed.ready;
      await tabseed.checkForUpdate();
      return undefined;
    } catch (error) {
      return String((error as { detail?: string }).detail ?? (error as { code?: string }).code);
    }
  });
  await page.reload();
  return code;
}

/** Looks for news until the second build is whole in the store, then loads the page anew. */
async function update(page: Page): Promise<void> {
  const here = () =>
    page.evaluate(async () => {
      await tabseed.ready;
      await tabseed.checkForUpdate().catch(() => undefined);
      const { release, update: found } = tabseed.stats();
      return found === null ? release?.sequence : found.staged && found.sequence;
    });
  await expect.poll(here, POLL).toBe(second?.report.sequence);
  await page.reload();
}

/** What a page gets: path → SHA-256, the status of a failure, or `cut off`. */
async function bytesSeenBy(page: Page): Promise<Map<string, string>> {
  const seen = await page.evaluate(async (paths) => {
    const answers: [string, string][] = [];
    for (const path of paths) {
      const response = await fetch(path);
      const body = await response.arrayBuffer().catch(() => undefined);
      if (body === undefined) {
        answers.push([path, 'cut off']);
        continue;
      }
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
      const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
      answers.push([path, response.ok ? hash : String(response.status)]);
    }
    return answers;
  }, PATHS);
  return new Map(seen);
}

function hashOf(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What plain HTTP gives for a path at this moment. */
function plainly(path: string): string {
  const file = host.files.get(path) ?? (host.turnsUnknownIntoPage ? host.files.get('index.html') : undefined);
  return file === undefined ? '404' : hashOf(file.bytes);
}

async function hashesOf(run: CiRun): Promise<Map<string, string>> {
  const { upload } = await readDeployJson(run.out);
  const paths = upload.map(({ path }) => path).filter((path) => PATHS.includes(path));
  return new Map(
    await Promise.all(paths.map(async (path) => [path, hashOf(await readFile(join(run.out, path)))] as const)),
  );
}

/** Each file by itself is right for one of these releases, or is what plain HTTP gives at this moment. */
async function expectEachRight(page: Page, runs: readonly CiRun[], when: string): Promise<void> {
  const releases = await Promise.all(runs.map(hashesOf));
  for (const [path, hash] of await bytesSeenBy(page)) {
    const right = [plainly(path), ...releases.map((hashes) => hashes.get(path))];
    expect(right, `${path} after ${when}`).toContain(hash);
  }
}

let second: CiRun | undefined;

/** Names what a page is made of, its document included. */
async function what(page: Page): Promise<string> {
  const seen = await bytesSeenBy(page);
  const title = await page.title();
  for (const [run, name] of [
    [first, 'release 1'],
    [second, 'release 2'],
  ] as const) {
    if (run === undefined || title !== name) continue;
    const hashes = await hashesOf(run);
    if ([...hashes].every(([path, hash]) => seen.get(path) === hash)) return name;
  }
  return PATHS.every((path) => seen.get(path) === plainly(path)) ? 'what plain HTTP gives' : 'a mixture';
}

/** Soon after its worker took over, a page is of one release, or as plain HTTP gives it at this moment. */
async function expectNoMixture(page: Page, when: string): Promise<void> {
  await expect.poll(() => what(page), { ...POLL, message: when }).not.toBe('a mixture');
}

describe('a second build, published from an empty folder', () => {
  beforeEach(async () => {
    second = await publishSecond();
  });

  afterEach(() => {
    second = undefined;
  });

  const secondRun = (): CiRun => second as CiRun;

  it('and uploaded in the listed order is never seen in part, whoever looks in between', async () => {
    const user = await faithfulUser();
    const { upload, keep, remove } = await readDeployJson(secondRun().out);
    for (const { path } of keep) expect(host.files.has(path)).toBe(true);
    for (const [index, { path, step }] of upload.slice(0, -1).entries()) {
      await host.upload(secondRun().out, [path]);
      expect(await visitAgain(user), path).toBeUndefined();
      expect(await what(user), path).toBe('release 1');
      if (upload[index + 1]?.step === step) continue;
      // Someone who comes for the first time in the middle of it: the page plainly, then what its worker has.
      const visitor = await freshUser();
      await expectEachRight(visitor, [first], path);
      await visitor.evaluate(() => tabseed.ready);
      await expectNoMixture(visitor, path);
      await visitor.reload();
      expect(await what(visitor), path).toBe('release 1');
      await visitor.context().close();
    }
    await host.upload(secondRun().out, [POINTER_PATH]);
    await update(user);
    expect(await what(user)).toBe('release 2');
    // A tab of the first release that was open all the time found its files; nothing of it has gone yet.
    for (const { path, after } of remove) {
      expect(host.files.has(path), path).toBe(true);
      expect(after).toBeGreaterThan(Date.now() / 1000 + 6 * 24 * 60 * 60);
    }
  });

  it('and uploaded pointer first breaks nothing and wipes nothing, and is whole when the upload is', async () => {
    const user = await faithfulUser();
    const paths = (await readDeployJson(secondRun().out)).upload.map(({ path }) => path);
    const isPack = (path: string) => path.startsWith('tabseed/pack-');
    // The worst order: the release is announced first, and its packs come last.
    const wrong = [...paths.filter((path) => !isPack(path)).reverse(), ...paths.filter(isPack)];
    expect(wrong[0]).toBe(POINTER_PATH);
    await host.upload(secondRun().out, [POINTER_PATH]);
    expect(await visitAgain(user)).toBe('origin-status');
    expect(await what(user)).toBe('release 1');
    const visitor = await freshUser();
    for (const path of wrong.slice(1)) {
      await host.upload(secondRun().out, [path]);
      // Who has a release stays with it until the next one is whole in the store.
      await visitAgain(user);
      expect(await what(user), path).toMatch(/^release [12]$/);
      // Who comes now gets what plain HTTP gives, until there is a release to be had.
      await visitAgain(visitor);
      await expectNoMixture(visitor, path);
    }
    for (const page of [user, visitor]) {
      await update(page);
      expect(await what(page)).toBe('release 2');
    }
  });

  it('reaches nobody half while a cache keeps the old pointer, and is not taken back by one that is older still', async () => {
    const user = await faithfulUser();
    host.freeze(POINTER_PATH);
    await host.upload(secondRun().out);
    expect(await visitAgain(user)).toBeUndefined();
    expect(await what(user)).toBe('release 1');
    // The plain files are new already, the pointer is not: the packs of the first release must still be there.
    const visitor = await freshUser();
    await visitor.evaluate(() => tabseed.ready);
    // Nor are the files of the first release given to a page that is of the second.
    await expect.poll(() => what(visitor), POLL).toBe('release 2');
    await visitor.reload();
    expect(await what(visitor)).toBe('release 1');

    const old = host.stale.get(POINTER_PATH);
    host.stale.clear();
    for (const page of [user, visitor]) {
      await update(page);
      expect(await what(page)).toBe('release 2');
    }
    host.stale.set(POINTER_PATH, old);
    for (const page of [user, visitor]) {
      expect(await visitAgain(page)).toBeUndefined();
      expect(await what(page)).toBe('release 2');
    }
  });

  it('arrives whole from a host that sends max-age with everything', async () => {
    host.cacheControlOfAll = 'public, max-age=31536000';
    const user = await faithfulUser();
    await host.upload(secondRun().out);
    await update(user);
    expect(await what(user)).toBe('release 2');
    const visitor = await freshUser();
    await visitor.evaluate(() => tabseed.ready);
    await visitor.reload();
    expect(await what(visitor)).toBe('release 2');
  });
});

describe('a host that turns unknown paths into its home page', () => {
  it('and loses the pointer wipes nothing: who has a release keeps it, others get plain HTTP', async () => {
    const user = await faithfulUser();
    host.turnsUnknownIntoPage = true;
    host.cacheControlOfAll = 'max-age=600';
    for (const path of [...host.files.keys()])
      if (path.startsWith('tabseed/') && path.endsWith('.bin')) host.files.delete(path);
    expect(await visitAgain(user)).toBeDefined();
    expect(await what(user)).toBe('release 1');
    const visitor = await freshUser();
    await visitor.evaluate(() => tabseed.ready);
    await visitor.reload();
    expect(await what(visitor)).toBe('release 1');
    // Not even the plain files: all of it is still in the store.
    host.status = () => 503;
    await user.reload();
    expect(await what(user)).toBe('release 1');
  });

  it('and gets a build pointer first, packs last, breaks nothing, and has it whole when the upload is', async () => {
    second = await publishSecond();
    try {
      const { out } = second;
      const user = await faithfulUser();
      host.turnsUnknownIntoPage = true;
      const paths = (await readDeployJson(out)).upload.map(({ path }) => path);
      const isPack = (path: string) => path.startsWith('tabseed/pack-');
      const wrong = [...paths.filter((path) => !isPack(path)).reverse(), ...paths.filter(isPack)];
      expect(wrong[0]).toBe(POINTER_PATH);
      await host.upload(out, [POINTER_PATH]);
      // Its manifest is a page of HTML.
      expect(await visitAgain(user)).toBeDefined();
      expect(await what(user)).toBe('release 1');
      const visitor = await freshUser();
      const half = Math.floor(wrong.length / 2);
      for (const part of [wrong.slice(1, half), wrong.slice(half, -1).filter((path) => !isPack(path))]) {
        await host.upload(out, part);
        await visitAgain(user);
        expect(await what(user), part.join()).toMatch(/^release [12]$/);
        await visitAgain(visitor);
        await expectNoMixture(visitor, part.join());
      }
      await host.upload(out, wrong.filter(isPack));
      for (const page of [user, visitor]) {
        await update(page);
        expect(await what(page)).toBe('release 2');
      }
    } finally {
      second = undefined;
    }
  });

  it('has no release for a publisher who names it with --previous', async () => {
    host.files.delete(POINTER_PATH);
    host.turnsUnknownIntoPage = true;
    await expect(publishSecond()).rejects.toMatchObject({
      code: 1,
      stderr: `tabseed: ${host.url} has no release (tabseed/pointer.bin): is it right? A first publish needs no --previous\n`,
    });
  });
});

it('the next build of a real editor goes up without what the host has', async () => {
  const monaco = join(import.meta.dirname, '../../node_modules/monaco-editor/min');
  const source = join(first.out, '../monaco');
  await cp(monaco, source, { recursive: true });
  await writeFile(join(source, 'index.html'), '<!doctype html><html><head><title>editor</title></head></html>');
  const editor = await ci.publish(source);
  host.files.clear();
  await host.upload(editor.out);
  const main = join(source, 'vs/editor/editor.main.js');
  await writeFile(main, `${await readFile(main, 'utf8')}\n// the next build\n`);
  const next = await ci.publish(source, '--previous', host.url);
  expect(next.report.newPackBytes).toBeLessThan(0.02 * editor.report.packBytes);
  expect(next.report.keptPacks).toBe(editor.report.packs);
  const { upload, keep } = await readDeployJson(next.out);
  expect(upload.filter(({ path }) => path.includes('/pack-')).map(({ bytes }) => bytes)).toEqual([
    next.report.newPackBytes,
  ]);
  expect(keep).toHaveLength(editor.report.packs);
  await rm(source, { recursive: true });
});
