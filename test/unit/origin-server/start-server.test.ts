import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type RunningServer, type ServerOptions, startServer } from '../../../src/cli/start-server.ts';
import { startSignalServer } from '../../../src/cli/start-signal-server.ts';
import { PublishedFolder } from './published-folder.ts';

const DATA = new Uint8Array(8 * 1024 * 1024).fill(7);

let folder: PublishedFolder;
const running: { close(): Promise<void> }[] = [];

async function start(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const server = await startServer({ root: folder.root, ...options });
  running.push(server);
  return server;
}

beforeAll(async () => {
  folder = await PublishedFolder.create([{ path: 'index.html', bytes: Buffer.from('page') }]);
  await folder.write('large.bin', DATA);
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});
afterAll(() => folder.remove());

describe('startServer', () => {
  it('serves files and signaling on one port, both from any folder', async () => {
    const server = await start();
    expect(await (await fetch(`${server.url}/`)).text()).toBe('page');
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/tabseed/signal`);
    await once(socket, 'open');
    expect(server.signal?.stats().connections).toBe(1);
    const closed = once(socket, 'close');
    await server.close();
    expect((await closed)[0]).toBe(1001);
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it('without signaling knows no such endpoint', async () => {
    const server = await start({ signal: false });
    expect(server.signal).toBeUndefined();
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/tabseed/signal`);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(404);
  });

  it('lets a download end before it closes, and keeps no idle connection', async () => {
    const server = await start();
    const idle = connect(server.port, '127.0.0.1');
    await once(idle, 'connect');
    const idleEnd = once(idle, 'close');
    const response = await fetch(`${server.url}/large.bin`);
    const closing = server.close();
    expect((await response.arrayBuffer()).byteLength).toBe(DATA.length);
    await Promise.all([closing, idleEnd]);
  });

  it('says in one line that a port is taken', async () => {
    const { port } = await start();
    const second = startServer({ root: folder.root, port });
    await expect(second).rejects.toMatchObject({
      code: 'port-taken',
      message: `port ${port} on 127.0.0.1 is taken: choose another with --port`,
    });
    await expect(startServer({ root: folder.root, host: '192.0.2.1' })).rejects.toMatchObject({ code: 'port-refused' });
  });
});

describe('startSignalServer', () => {
  it('reports its health and answers nothing else', async () => {
    const server = await startSignalServer();
    running.push(server);
    const health = await fetch(`${server.url}/healthz`);
    expect(health.status).toBe(200);
    expect(await health.json()).toEqual({
      status: 'ok',
      connections: 0,
      peers: 0,
      rooms: 0,
      introductions: 0,
      relayed: 0,
    });
    expect((await fetch(`${server.url}/tabseed/signal`)).status).toBe(426);
    expect((await fetch(`${server.url}/`)).status).toBe(404);
  });
});
