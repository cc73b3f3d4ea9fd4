import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { zlibCodec } from '../../src/node/zlib-codec.ts';
import { launchChromium } from '../../test/setup/browser.ts';
import type { Benchmark } from '../benchmark.ts';
import { bundle } from '../stage/bundle.ts';
import { measure } from './measure.ts';

type Measure = typeof measure;

/** A page on a secure origin with the measurement in it. */
async function inChromium(megabytes: number): Promise<Record<string, number>> {
  const code = await bundle(join(import.meta.dirname, 'measure.ts'));
  const server = createServer((request, response) => {
    const isScript = request.url === '/measure.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? code : '<!doctype html><script type="module" src="/measure.js"></script>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => 'measure' in globalThis);
    return await page.evaluate((amount) => (globalThis as unknown as { measure: Measure }).measure(amount), megabytes);
  } finally {
    await browser.close();
    server.close();
  }
}

export const benchmark: Benchmark = {
  summary: 'MB/s of SHA-256 and of inflating at chunk sizes, in Chromium and Node',
  options: [{ name: 'mb', unit: 'MB', summary: 'megabytes for each figure', default: 16 }],
  async run({ mb = 16 }) {
    return { chromium: await inChromium(mb), node: await measure(mb, zlibCodec()) };
  },
};
