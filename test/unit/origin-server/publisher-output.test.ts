import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningServer, startServer } from '../../../src/cli/start-server.ts';
import { generateKey, publish } from '../../../src/publisher/index.ts';

const HEADERS_FILE = `/*
  X-Frame-Options: DENY
/*.data
  Content-Encoding: gzip
  Content-Type: application/x-level
`;
const LEVEL = Buffer.from('level '.repeat(10_000));

let work: string;
let server: RunningServer;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'tabseed-published-'));
  const source = join(work, 'source');
  const page = join(work, 'page');
  await mkdir(source);
  await mkdir(page);
  await writeFile(join(page, 'client.js'), '// client');
  await writeFile(join(work, 'sw.js'), '// worker');
  await writeFile(join(source, 'index.html'), '<!doctype html><title>app</title>');
  await writeFile(join(source, 'game.data'), gzipSync(LEVEL));
  await writeFile(join(source, '_headers'), HEADERS_FILE);
  const out = join(work, 'out');
  const { pem } = generateKey();
  await publish({ source, out, key: pem, scripts: { page, worker: join(work, 'sw.js') } });
  server = await startServer({ root: out });
});

afterAll(async () => {
  await server.close();
  await rm(work, { recursive: true });
});

it('what the publisher wrote is served with the headers of its headers file', async () => {
  const page = await fetch(`${server.url}/`);
  expect(page.headers.get('x-frame-options')).toBe('DENY');
  expect(page.headers.get('content-type')).toMatch(/^text\/html/);
  expect(await page.text()).toContain('tabseed/client.js');
});

it('a file that was stored compressed arrives decoded', async () => {
  const response = await fetch(`${server.url}/game.data`);
  expect(response.headers.get('content-encoding')).toBe('gzip');
  expect(response.headers.get('content-type')).toBe('application/x-level');
  expect(Buffer.from(await response.arrayBuffer()).equals(LEVEL)).toBe(true);
});

it('Tabseed’s own files are there, the upload plan and the headers file are not', async () => {
  const status = async (path: string) => (await fetch(`${server.url}/${path}`)).status;
  expect(await status('tabseed/pointer.bin')).toBe(200);
  expect(await status('tabseed/client.js')).toBe(200);
  expect(await status('tabseed-sw.js')).toBe(200);
  expect(await status('deploy.json')).toBe(404);
  expect(await status('_headers')).toBe(404);
});
