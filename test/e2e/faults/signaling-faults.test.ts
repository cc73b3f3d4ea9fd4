import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { type PublishedApp, publishApp } from '../../stage/app.ts';
import { Stage } from '../../stage/stage.ts';

const FILE_BYTES = 2_000_000;
const id = (): string => randomBytes(16).toString('hex');

let app: PublishedApp;
let stage: Stage;
let browser: Browser;
let page: Page;
/** What the hostile server does with a client that has joined. */
let act: (socket: WebSocket) => void = () => undefined;
let connections = 0;
let hostile: WebSocketServer;

beforeAll(async () => {
  hostile = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(hostile, 'listening');
  hostile.on('connection', (client) => {
    connections += 1;
    client.on('error', () => undefined);
    client.once('message', () => act(client));
  });
  const { port } = hostile.address() as AddressInfo;
  const fill = async (source: string): Promise<void> => {
    await writeFile(
      join(source, 'index.html'),
      '<!doctype html><html><head><title>x</title></head><body></body></html>',
    );
    await writeFile(join(source, 'bulk.bin'), randomBytes(FILE_BYTES));
  };
  app = await publishApp(fill, { signal: `ws://127.0.0.1:${port}/` });
  stage = await Stage.open(app.out, { signal: false });
  browser = await stage.browser();
});

beforeEach(async () => {
  connections = 0;
  page = await (await browser.newContext()).newPage();
});

afterEach(async () => {
  for (const client of hostile.clients) client.terminate();
  await page.context().close();
});

afterAll(async () => {
  await stage.close();
  hostile.close();
  await app.remove();
});

function tell(socket: WebSocket, message: unknown): void {
  socket.send(JSON.stringify(message));
}

function welcome(socket: WebSocket, self = id(), iceServers: unknown = []): void {
  tell(socket, { type: 'welcome', peer: self, iceServers });
}

const MANNERS: Readonly<Record<string, (socket: WebSocket) => void>> = {
  'says nothing': () => undefined,
  'closes at once': (socket) => socket.close(),
  'sends garbage': (socket) => socket.send(randomBytes(5000)),
  'welcomes twice': (socket) => {
    welcome(socket);
    welcome(socket);
  },
  'names a page as its own partner': (socket) => {
    const self = id();
    welcome(socket, self);
    tell(socket, { type: 'partner', peer: self, initiator: true });
  },
  'names one partner a thousand times, and thousands of others': (socket) => {
    welcome(socket);
    const peer = id();
    for (let times = 0; times < 1000; times += 1) tell(socket, { type: 'partner', peer, initiator: true });
    for (let times = 0; times < 3000; times += 1)
      tell(socket, { type: 'partner', peer: id(), initiator: times % 2 === 0 });
  },
  'names more ICE servers than allowed': (socket) => {
    welcome(
      socket,
      id(),
      Array.from({ length: 9 }, () => ({ urls: ['stun:127.0.0.1:9'] })),
    );
  },
  'sends signals of a megabyte': (socket) => {
    welcome(socket);
    const peer = id();
    tell(socket, { type: 'partner', peer, initiator: false });
    for (let times = 0; times < 5; times += 1) {
      tell(socket, { type: 'signal', from: peer, signal: { type: 'offer', sdp: 'x'.repeat(1_000_000) } });
    }
  },
};

describe('a signaling server that', () => {
  it.each(Object.entries(MANNERS))('%s costs a page nothing', async (_name, manner) => {
    act = manner;
    await page.addInitScript(() => {
      const Native = RTCPeerConnection;
      Object.assign(globalThis, { built: 0 });
      Object.assign(globalThis, {
        RTCPeerConnection: new Proxy(Native, {
          construct(target, args: [RTCConfiguration]) {
            (globalThis as unknown as { built: number }).built += 1;
            return new target(...args);
          },
        }),
      });
    });
    await page.goto(stage.url);
    await page.evaluate(() => tabseed.ready);
    await expect.poll(() => connections, { timeout: 10_000 }).toBeGreaterThan(0);
    const { hash, seconds } = await page.evaluate(async () => {
      const startMs = performance.now();
      const body = await (await fetch('/bulk.bin')).arrayBuffer();
      const took = (performance.now() - startMs) / 1000;
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
      return { hash: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''), seconds: took };
    });
    expect(hash).toBe(app.hashes.get('bulk.bin'));
    // The introduction lasts three seconds.
    expect(seconds).toBeLessThan(5);
    expect(await page.evaluate(() => (globalThis as unknown as { built: number }).built)).toBeLessThanOrEqual(20);
  });
});
