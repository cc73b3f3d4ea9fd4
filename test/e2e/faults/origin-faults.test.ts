import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PublishedApp, publishApp } from '../../stage/app.ts';
import { Stage } from '../../stage/stage.ts';

const FILE_BYTES = 2_500_000;
const PART_START = 1_000_000;

/** What the web server does instead of its duty. `bytes`: the whole file; `first` and `last`: the range asked for. */
type Fault = (
  response: ServerResponse,
  body: { readonly bytes: Buffer; readonly part: Buffer; readonly first: number; readonly last: number },
) => void;

function partial(response: ServerResponse, first: number, last: number, total: number): void {
  response.writeHead(206, { 'Content-Range': `bytes ${first}-${last}/${total}` });
}

const PACK_FAULTS: Readonly<Record<string, Fault>> = {
  'origin 5xx': (response) => response.writeHead(503).end(),
  'origin cut mid-body': (response, { part, first, last, bytes }) => {
    response.setHeader('Content-Length', part.length);
    partial(response, first, last, bytes.length);
    response.write(part.subarray(0, part.length / 2), () => response.destroy());
  },
  'origin gone after publishing': (response) => response.writeHead(404).end(),
  'host that ignores Range': (response, { bytes }) => response.writeHead(200).end(bytes),
  'host that answers with another Content-Range': (response, { part, first, last, bytes }) => {
    partial(response, first + 1, last + 1, bytes.length);
    response.end(part);
  },
  'host that answers a Range with too few bytes': (response, { part, first, last, bytes }) => {
    partial(response, first, last, bytes.length);
    response.end(part.subarray(1));
  },
  'host that answers a Range with too many bytes': (response, { part, first, last, bytes }) => {
    partial(response, first, last, bytes.length);
    response.end(Buffer.concat([part, part]));
  },
  'host that compresses a Range': (response, { part, first, last, bytes }) => {
    response.setHeader('Content-Encoding', 'gzip');
    partial(response, first, last, bytes.length);
    response.end(part);
  },
  'host that redirects elsewhere': (response) => response.writeHead(302, { Location: 'http://127.0.0.1:9/x' }).end(),
  'host whose body never ends': (response, { part, first, last, bytes }) => {
    partial(response, first, last, bytes.length);
    const more = (): void => {
      if (!response.destroyed) response.write(part, () => setImmediate(more));
    };
    more();
  },
  'chunk corrupted on the origin': (response, { part, first, last, bytes }) => {
    partial(response, first, last, bytes.length);
    const wrong = Buffer.from(part);
    wrong[wrong.length >> 1] = (wrong[wrong.length >> 1] ?? 0) ^ 1;
    response.end(wrong);
  },
  'origin slow': (response, { part, first, last, bytes }) => {
    partial(response, first, last, bytes.length);
    let sent = 0;
    const timer = setInterval(() => {
      response.write(part.subarray(sent, sent + part.length / 8));
      sent += part.length / 8;
      if (sent < part.length && !response.destroyed) return;
      clearInterval(timer);
      response.end();
    }, 50);
  },
};

const isPack = (path: string): boolean => path.includes('/tabseed/pack-');

describe.each([
  ['the worker’s own way', 'off'],
  ['the engine’s way', 'site'],
] as const)('by %s, data is byte-identical after', (_way, mode) => {
  let app: PublishedApp;
  let stage: Stage;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const fill = async (source: string): Promise<void> => {
      await writeFile(
        join(source, 'index.html'),
        '<!doctype html><html><head><title>x</title></head><body></body></html>',
      );
      await writeFile(join(source, 'bulk.bin'), randomBytes(FILE_BYTES));
    };
    app = await publishApp(fill, { mode });
    stage = await Stage.open(app.out);
    browser = await stage.browser();
  });

  beforeEach(async () => {
    page = await (await browser.newContext()).newPage();
    await page.goto(stage.url);
    await page.evaluate(() => tabseed.ready);
  });

  afterEach(async () => {
    stage.answer = () => false;
    await page.context().close();
  });

  afterAll(async () => {
    await stage.close();
    await app.remove();
  });

  /** A part of the file: the worker and the engine take it from the packs, and turn to the plain file when those fail. */
  function hashInPage(): Promise<string> {
    return page.evaluate(async (start) => {
      const body = await (await fetch('/bulk.bin', { headers: { Range: `bytes=${start}-` } })).arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
      return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
    }, PART_START);
  }

  it.each(Object.entries(PACK_FAULTS))('%s', async (_name, fault) => {
    let faults = 0;
    stage.answer = (path, request, response) => {
      // The first two requests for packs fail; who asks again, or for the plain file, is served.
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
      if (!isPack(path) || range === null || faults >= 2) return false;
      faults += 1;
      const bytes = readFileSync(join(app.out, path));
      const [first, last] = [Number(range[1]), Number(range[2])];
      fault(response, { bytes, part: bytes.subarray(first, last + 1), first, last });
      return true;
    };
    const part = readFileSync(join(app.out, 'bulk.bin')).subarray(PART_START);
    expect(await hashInPage()).toBe(createHash('sha256').update(part).digest('hex'));
    expect(faults).toBeGreaterThan(0);
  });
});
