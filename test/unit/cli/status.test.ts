import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type RunningServer, startServer } from '../../../src/cli/start-server.ts';
import { registerStatus } from '../../../src/cli/status.ts';
import type { AppHealth } from '../../../src/node/app-health.ts';
import { allowsSocket } from '../../../src/node/connect-policy.ts';
import { POINTER_PATH, WORKER_SCRIPT } from '../../../src/protocol/layout.ts';
import type { PublishOptions } from '../../../src/publisher/index.ts';
import { Workspace } from '../publisher/workspace.ts';
import { runHere } from './command-line.ts';

type Intercept = (path: string, request: IncomingMessage, response: ServerResponse) => boolean;

interface Deployed {
  readonly workspace: Workspace;
  readonly server: RunningServer;
}

async function deployed(
  options: Partial<PublishOptions> = {},
  { intercept, signal }: { readonly intercept?: Intercept; readonly signal?: false } = {},
): Promise<Deployed> {
  const workspace = await Workspace.create({ 'index.html': '<head></head>', 'a.js': 'a'.repeat(5000) });
  await workspace.publish(options);
  const server = await startServer({
    root: workspace.out,
    ...(signal === false ? { signal } : {}),
    intercept: (request, response) => intercept?.((request.url ?? '').slice(1), request, response) ?? false,
  });
  onTestFinished(() => server.close());
  return { workspace, server };
}

async function status({ server }: Deployed): Promise<{ readonly exitCode: number | null; readonly health: AppHealth }> {
  const { exitCode, stdout } = await runHere(registerStatus, ['status', server.url, '--json']);
  const printed = JSON.parse(stdout) as AppHealth | { readonly report: AppHealth };
  return { exitCode, health: 'report' in printed ? printed.report : printed };
}

/** `level name` of what is not in order. */
const problems = ({ checks }: AppHealth) =>
  checks.flatMap(({ level, name }) => (level === 'ok' ? [] : [`${level} ${name}`]));

/** Answers one path with these headers and this status in place of the origin's. */
function answering(
  wanted: (path: string) => boolean,
  code: number,
  headers: Record<string, string>,
  body = '',
): Intercept {
  return (path, _request, response) => {
    if (!wanted(path)) return false;
    response.writeHead(code, headers).end(body);
    return true;
  };
}

describe('tabseed status', () => {
  it('has one line for each check of a good deployment, and misses only the peers', async () => {
    const good = await deployed({ sequence: 7, version: 'v7' });
    const { exitCode, stdout, stderr } = await runHere(registerStatus, ['status', good.server.url]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toContain('ok   pointer: release 7, signed by a key of the worker script');
    expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([
      expect.stringMatching(/^warn peers: nobody else is here behind the network exit of this machine/),
    ]);
    const { health } = await status(good);
    expect(health).toMatchObject({ level: 'warn', sequence: 7, version: 'v7', partners: 0 });
    const names = health.checks.map(({ name }) => name);
    const expected = [
      'https',
      'worker-script',
      'pointer',
      'expiry',
      'range',
      'compression',
      'unknown-path',
      'signaling',
    ];
    expect(names).toEqual(expect.arrayContaining(expected));
  });

  it('says that it is retired, that it ends soon, or has ended', async () => {
    const now = Math.floor(Date.now() / 1000);
    const day = 24 * 60 * 60;
    expect(problems((await status(await deployed({ created: now - 80 * day }))).health)).toContain('warn expiry');
    const ended = await status(await deployed({ created: now - 91 * day }));
    expect(ended.exitCode).toBe(1);
    expect(problems(ended.health)).toContain('fail expiry');
    const gone = await status(await deployed({ created: now - 100 * day }));
    expect(gone.health.checks.at(-1)?.message).toMatch(/^refused \(expired\).*tabseed refresh/);
  });

  it.each<[string, string, Intercept]>([
    [
      'a host that ignores Range',
      'warn range',
      (path, request) => {
        if (path.includes('/pack-')) delete request.headers.range;
        return false;
      },
    ],
    [
      'compressed packs',
      'warn compression',
      answering((path) => path.includes('/pack-'), 206, { 'Content-Encoding': 'gzip' }),
    ],
    ['lost packs', 'fail range', answering((path) => path.includes('/pack-'), 404, {})],
    [
      'pages for unknown paths',
      'warn unknown-path',
      answering((path) => path.includes('no-such-file'), 200, { 'Content-Type': 'text/html' }),
    ],
    [
      'a policy without connect-src',
      'fail csp',
      answering(
        (path) => path === '',
        200,
        { 'Content-Security-Policy': "default-src 'self'; connect-src 'none'" },
        'tabseed/client.js',
      ),
    ],
    ['an endless pointer', 'fail pointer', answering((path) => path === POINTER_PATH, 200, {}, 'x'.repeat(100_000))],
    [
      'a login page everywhere',
      'fail worker-script',
      answering(() => true, 200, { 'Content-Type': 'text/html' }, '<html>'),
    ],
    ['a missing worker', 'fail worker-script', answering((path) => path === WORKER_SCRIPT, 404, {})],
  ])('tells of %s', async (_name, problem, intercept) => {
    const { health } = await status(await deployed({}, { intercept }));
    expect(health.checks.map(({ level, name }) => `${level} ${name}`)).toContain(problem);
  });

  it('says why there are no peers: mode off, no signaling server, the wrong path', async () => {
    const off = await status(await deployed({ mode: 'off' }));
    expect(off.health.checks.at(-1)).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('--mode off') as string,
    });
    const none = await status(await deployed({}, { signal: false }));
    expect(none.exitCode).toBe(1);
    expect(none.health.checks.at(-1)?.message).toMatch(/wrong path|WebSocket/);
    const away = await status(await deployed({ signal: 'ws://127.0.0.1:9/tabseed/signal' }));
    expect(problems(away.health)).toContain('fail signaling');
    expect(away.health.checks.at(-1)?.message).toContain('does tabseed signal run there');
  });

  it('refuses what a browser would: another key, and a development key anywhere but here', async () => {
    const mixed = await deployed();
    const script = await readFile(join(mixed.workspace.out, WORKER_SCRIPT), 'utf8');
    await writeFile(join(mixed.workspace.out, WORKER_SCRIPT), script.replace(/"[0-9a-f]{64}"/, `"${'cd'.repeat(32)}"`));
    const { exitCode, health } = await status(mixed);
    expect(exitCode).toBe(1);
    expect(health.checks.at(-1)?.message).toMatch(/^refused \(bad-signature\)/);
    const away = await runHere(registerStatus, ['status', 'http://127.0.0.1:9/']);
    expect(away).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^tabseed: one check failed/) as string });
    expect(await runHere(registerStatus, ['status', 'ftp://x/'])).toMatchObject({ exitCode: 2 });
    expect(await runHere(registerStatus, ['status'])).toMatchObject({ exitCode: 2 });
  });
});

describe('a policy for connections', () => {
  const page = new URL('https://app.example/');
  it.each([
    ['', 'wss://other.example/s', true],
    ["connect-src 'self'", 'wss://app.example/s', true],
    ["connect-src 'self'", 'wss://other.example/s', false],
    ['connect-src https:', 'wss://other.example/s', false],
    ['connect-src wss:', 'wss://other.example/s', true],
    ['connect-src wss://*.example', 'wss://other.example/s', true],
    ['connect-src wss://other.example:8443', 'wss://other.example/s', false],
    ["default-src 'none'; connect-src *", 'wss://other.example/s', true],
    ["default-src 'none'", 'wss://app.example/s', false],
    ["connect-src *, connect-src 'none'", 'wss://app.example/s', false],
  ])('%s lets a page connect to %s: %s', (policy, socket, allowed) => {
    expect(allowsSocket(policy, page, new URL(socket))).toBe(allowed);
  });
});
