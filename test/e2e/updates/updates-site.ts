import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright';
import { expect, vi } from 'vitest';
import type { TabseedEvents } from '../../../src/client/index.ts';
import { manifestPath, POINTER_PATH } from '../../../src/protocol/layout.ts';
import { chunksOfFile, decodeManifest, type Manifest } from '../../../src/protocol/manifest.ts';
import { decodePointer } from '../../../src/protocol/pointer.ts';
import { generateKey, type PublishOptions, publish } from '../../../src/publisher/index.ts';
import { SCRIPTS } from '../../stage/app.ts';
import { Stage } from '../../stage/stage.ts';
import { openTab, POLL, page, storedChunks } from '../client-site.ts';

/** Larger than one response is read ahead, and new in each release. */
const LARGE_BYTES = 3_000_000;

/** What a visitor of release 1 has. */
const VISITED = ['index.html', 'frame.html', 'what.txt', 'only-1.txt', 'large.bin'];

/** The newest release of a published folder. */
export async function newest(out: string): Promise<{ hash: string; manifest: Manifest }> {
  const { manifestHash: hash } = decodePointer(await readFile(join(out, POINTER_PATH))).pointer;
  return { hash, manifest: decodeManifest(await readFile(join(out, manifestPath(hash)))) };
}

async function chunksOf(out: string, paths: readonly string[]): Promise<number> {
  const { manifest } = await newest(out);
  const files = manifest.files.filter(({ path }) => paths.includes(path));
  return new Set(files.flatMap((file) => chunksOfFile(manifest, file)).map(({ id }) => id)).size;
}

/** An app of which a test publishes one release after the other into the same folder, at one origin. */
export class UpdatesSite {
  readonly stage: Stage;
  readonly #publish: (number: number, key?: string) => Promise<void>;
  readonly #folder: string;
  /** Of release 1, in the files that a visitor has. */
  readonly #chunks: Promise<number>;
  /** PEM of the publisher's key. */
  readonly key: string;

  private constructor(
    stage: Stage,
    folder: string,
    key: string,
    publishNumber: (number: number, key?: string) => Promise<void>,
  ) {
    this.stage = stage;
    this.#folder = folder;
    this.#chunks = chunksOf(this.out, VISITED);
    this.key = key;
    this.#publish = publishNumber;
  }

  static async open(
    options: Partial<PublishOptions> = {},
    stageOptions: { signal?: false } = {},
    large: (number: number) => string | Uint8Array = newBytes,
  ): Promise<UpdatesSite> {
    const folder = await mkdtemp(join(tmpdir(), 'tabseed-updates-'));
    const key = generateKey().pem;
    const publishNumber = (number: number, keys = key) =>
      publishRelease(folder, { key: keys, ...options }, number, large(number));
    await publishNumber(1);
    return new UpdatesSite(await Stage.open(join(folder, 'out'), stageOptions), folder, key, publishNumber);
  }

  get out(): string {
    return join(this.#folder, 'out');
  }

  /** @param key PEM of other keys */
  publish(number: number, key?: string): Promise<void> {
    return this.#publish(number, key);
  }

  /** A tab of a user who has all of release 1. */
  async visit(context: BrowserContext): Promise<Page> {
    const tab = await openTab(context, this.stage.url);
    await tab.evaluate((paths) => tabseed.prefetch(paths), VISITED);
    // What an engine has fetched is written some time later, and not at all where the page goes before.
    const chunks = await this.#chunks;
    await vi.waitFor(async () => expect(await storedChunks(tab)).toBeGreaterThanOrEqual(chunks), POLL);
    // From here on the document, too, is the worker's.
    await tab.reload();
    await watch(tab);
    // In place of the look for news that a page has of its own when it is quiet, which would fall anywhere into the test.
    await tab.evaluate(() => tabseed.checkForUpdate());
    return tab;
  }

  async close(): Promise<void> {
    await this.stage.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Bytes that neither compress nor are in another release: a generator of Lehmer's. */
export function newBytes(number: number, length = LARGE_BYTES): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 1000 + number;
  for (let index = 0; index < length; index += 1) {
    state = (state * 48_271) % 2_147_483_647;
    bytes[index] = state;
  }
  return bytes;
}

async function publishRelease(
  folder: string,
  options: Partial<PublishOptions> & Pick<PublishOptions, 'key'>,
  number: number,
  large: string | Uint8Array,
): Promise<void> {
  const source = join(folder, 'source');
  await rm(source, { recursive: true, force: true });
  await mkdir(source);
  const files: Record<string, string | Uint8Array> = {
    'index.html': page(`release ${number}`),
    'frame.html': page(`frame of ${number}`),
    'what.txt': `release ${number}`,
    [`only-${number}.txt`]: `only in ${number}`,
    'large.bin': large,
  };
  for (const [path, content] of Object.entries(files)) await writeFile(join(source, path), content);
  await publish({ source, out: join(folder, 'out'), scripts: SCRIPTS, ...options });
}

/** Notes from now on what the page is told of updates. */
async function watch(tab: Page): Promise<void> {
  await tab.evaluate(async () => {
    const told: [string, unknown][] = [];
    Object.assign(globalThis, { told });
    const names = ['update-available', 'update-progress', 'update-ready', 'update-failed', 'unrecoverable'] as const;
    for (const name of names) tabseed.on(name, (value) => told.push([name, value]));
    await tabseed.ready;
  });
}

/** What the page was told, without figures. */
export function told(tab: Page): Promise<(keyof TabseedEvents)[]> {
  return tab.evaluate(() =>
    (globalThis as unknown as { told: [keyof TabseedEvents, unknown][] }).told
      .map(([name]) => name)
      .filter((name, index, all) => name !== all[index - 1]),
  );
}

/** Looks for news, and resolves when what is found could not be brought here, with the code of what failed. */
export function failedUpdate(tab: Page): Promise<string> {
  return tab.evaluate(async () => {
    const failure = new Promise<string>((resolve) => tabseed.on('update-failed', ({ code }) => resolve(code)));
    await tabseed.checkForUpdate();
    return failure;
  });
}

/** Looks for news until a newer release is whole in the store. */
export async function staged(tab: Page): Promise<void> {
  const isStaged = () =>
    tab.evaluate(async () => {
      await tabseed.checkForUpdate();
      return tabseed.stats().update?.staged;
    });
  await expect.poll(isStaged, POLL).toBe(true);
}

/** The names of the client scripts that a browser keeps: some seconds after a page has begun, those of that page. */
export function keptScripts(tab: Page): Promise<string> {
  return tab.evaluate(async () => {
    const caught = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
    const urls = caught.flat().map(({ url }) => url);
    return urls
      .filter((url) => url.includes('/tabseed/'))
      .sort()
      .join();
  });
}

/** What the page's document and a file that every release has are of. */
export async function seenBy(tab: Page): Promise<[title: string, file: string]> {
  return [await tab.title(), await text(tab, 'what.txt')];
}

/** A file's text, or the status of a failure. */
export function text(tab: Page, path: string): Promise<string> {
  return tab.evaluate(async (url) => {
    const response = await fetch(url);
    return response.ok ? response.text() : String(response.status);
  }, path);
}

/** What a worker that was made of a blob gets for a path. */
export function textInBlobWorker(tab: Page, path: string): Promise<string> {
  return tab.evaluate(
    (url) =>
      new Promise<string>((resolve) => {
        const code = `fetch(${JSON.stringify(new URL(url, location.href).href)}).then(async (r) => postMessage(r.ok ? await r.text() : String(r.status)))`;
        const worker = new Worker(URL.createObjectURL(new Blob([code])));
        worker.onmessage = ({ data }) => {
          worker.terminate();
          resolve(String(data));
        };
      }),
    path,
  );
}

/** What a frame of the page gets: its title, and a file that it fetches. */
export function seenInFrame(tab: Page, path: string): Promise<[title: string, file: string]> {
  return tab.evaluate(async (url) => {
    const frame = document.createElement('iframe');
    frame.src = 'frame.html';
    await new Promise((resolve) => {
      frame.onload = resolve;
      document.body.append(frame);
    });
    const response = await (frame.contentWindow as Window).fetch(url);
    const seen: [string, string] = [
      frame.contentDocument?.title ?? '',
      response.ok ? await response.text() : String(response.status),
    ];
    frame.remove();
    return seen;
  }, path);
}

/** A frame that stays: its title. */
export function openFrame(tab: Page): Promise<string> {
  return tab.evaluate(async () => {
    const frame = document.createElement('iframe');
    frame.src = 'frame.html';
    await new Promise((resolve) => {
      frame.onload = resolve;
      document.body.append(frame);
    });
    return frame.contentDocument?.title ?? '';
  });
}

/** The same frame has loaded itself anew: its title. */
export function reloadFrame(tab: Page): Promise<string> {
  return tab.evaluate(async () => {
    const frame = document.querySelector('iframe') as HTMLIFrameElement;
    await new Promise((resolve) => {
      frame.onload = resolve;
      frame.contentWindow?.location.reload();
    });
    return frame.contentDocument?.title ?? '';
  });
}
