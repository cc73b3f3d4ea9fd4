import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/cli/start-server.ts';
import { startSignalServer } from '../../src/cli/start-signal-server.ts';
import { launchChromium } from '../setup/browser.ts';
import { findProgram } from '../setup/programs.ts';
import { CiJob, type CiRun } from '../stage/ci-job.ts';

const NGINX = findProgram({
  variable: 'TABSEED_NGINX',
  names: ['nginx'],
  debianPackage: 'nginx',
  elsewhere: () => '/usr/sbin/nginx',
});
const DOCUMENT = join(import.meta.dirname, '../../docs/deploy.md');

/** The configuration of the document, on a port of this machine and without TLS. */
async function documentedConfig(root: string, port: number, signalPort: number): Promise<string> {
  const [, config = ''] = /^```nginx\n(.*?)^```/ms.exec(await readFile(DOCUMENT, 'utf8')) ?? [];
  return config
    .replace('listen 443 ssl;', `listen 127.0.0.1:${port};`)
    .replace(/^ *ssl_.*$/gm, '')
    .replace('/var/www/app', root)
    .replace('127.0.0.1:8081', `127.0.0.1:${signalPort}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Installing a web server for one test would be too much: where there is none, the document is not tried. */
describe.skipIf(NGINX === undefined)('the nginx configuration of docs/deploy.md', () => {
  let ci: CiJob;
  let run: CiRun;
  let signal: RunningServer;
  let nginx: ChildProcess;
  let folder: string;
  let url: string;

  beforeAll(async () => {
    ci = await CiJob.create();
    run = await ci.publishFiles({
      'index.html': '<!doctype html><html><head><title>app</title><link rel="icon" href="data:,"></head></html>',
      'app.js': `export const text = '${'code '.repeat(2000)}';\n`,
      'noise.bin': randomBytes(300_000),
    });
    signal = await startSignalServer({ trustProxy: true });
    folder = await mkdtemp(join(tmpdir(), 'tabseed-nginx-'));
    const port = await freePort();
    url = `http://127.0.0.1:${port}/`;
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    );
    const main = [
      ...(process.getuid?.() === 0 ? ['user root;'] : []),
      `pid ${folder}/nginx.pid;`,
      'events {}',
      `http { include /etc/nginx/mime.types; access_log off; ${temporary.join(' ')} include ${folder}/app.conf; }`,
    ];
    await writeFile(join(folder, 'nginx.conf'), main.join('\n'));
    await writeFile(join(folder, 'app.conf'), await documentedConfig(run.out, port, signal.port));
    nginx = spawn(NGINX ?? '', ['-c', `${folder}/nginx.conf`, '-g', 'daemon off;', '-e', `${folder}/error.log`]);
    await listens(port);
  });

  afterAll(async () => {
    nginx.kill('SIGTERM');
    if (nginx.exitCode === null) await once(nginx, 'exit');
    await signal.close();
    await ci.close();
    await rm(folder, { recursive: true });
  });

  async function listens(port: number): Promise<void> {
    while (nginx.exitCode === null) {
      const answered = await fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      );
      if (answered) return;
    }
    throw new Error(`nginx did not start: ${await readFile(join(folder, 'error.log'), 'utf8')}`);
  }

  it('serves packs by range and for ever, the rest to be asked for, and hides what is nobody’s', async () => {
    const { upload } = JSON.parse(await readFile(join(run.out, 'deploy.json'), 'utf8')) as {
      upload: { path: string }[];
    };
    const pack = upload.find(({ path }) => path.includes('/pack-'))?.path ?? '';
    const range = await fetch(url + pack, { headers: { Range: 'bytes=5-104' } });
    expect(range.status).toBe(206);
    expect(range.headers.get('content-range')).toMatch(/^bytes 5-104\/\d+$/);
    expect(range.headers.get('content-encoding')).toBeNull();
    expect(range.headers.get('cache-control')).toContain('immutable');
    const code = await fetch(`${url}app.js`, { headers: { 'Accept-Encoding': 'gzip' } });
    expect(code.headers.get('content-encoding')).toBe('gzip');
    for (const path of ['', 'app.js', 'tabseed-sw.js', 'tabseed/pointer.bin', 'tabseed/client.js']) {
      expect((await fetch(url + path)).headers.get('cache-control'), path).toBe('no-cache');
    }
    for (const path of ['deploy.json', '_headers', 'tabseed/none.bin']) {
      expect((await fetch(url + path)).status, path).toBe(404);
    }
  });

  it('brings a browser to the release and to signaling', async () => {
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(url);
      await page.evaluate(() => tabseed.ready);
      await page.reload();
      await expect.poll(() => signal.signal?.stats().peers).toBe(1);
      const source = await page.evaluate(async () => (await fetch('app.js')).headers.get('server-timing'));
      expect(source).toMatch(/^tabseed;desc=/);
    } finally {
      await browser.close();
    }
  });

  it('is what the next deployment follows', async () => {
    const { report } = await ci.publishFiles({ 'index.html': '<head></head>', 'new.js': '1' }, '--previous', url);
    expect(report).toMatchObject({ outcome: 'published', previousSequence: run.report.sequence });
  });
});
