import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSignalServer, type SignalEvent, type SignalServer } from '../../../src/signal-server/index.ts';
import { ROOM, SignalClient } from './signal-client.ts';
import { VirtualServerClock } from './virtual-server-clock.ts';

const HANDSHAKE =
  'GET /tabseed/signal HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n';

let clock: VirtualServerClock;
let events: SignalEvent[];
let signal: SignalServer;
let http: Server;
let url: string;

beforeEach(async () => {
  clock = new VirtualServerClock();
  events = [];
  signal = createSignalServer({ clock, onEvent: (event) => events.push(event) });
  http = createServer();
  signal.attach(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/tabseed/signal`;
});

afterEach(async () => {
  const closed = signal.close();
  clock.advance(3000);
  await closed;
  http.closeAllConnections();
  http.close();
});

async function member(): Promise<{ client: SignalClient; peer: string }> {
  const client = await new SignalClient(url).open();
  return { client, peer: await client.join() };
}

/** A TCP connection after the WebSocket handshake, for what no library would send. */
async function rawClient(): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(HANDSHAKE);
  await once(socket, 'data');
  return socket;
}

/** A frame of a client, masked with zeros (RFC 6455, 5.2). */
function frame(first: number, payload = ''): Buffer {
  return Buffer.concat([Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0]), Buffer.from(payload)]);
}

describe('a hostile client of the signaling server', () => {
  it('that joins again and again under new names leaves nothing behind', async () => {
    for (let times = 0; times < 200; times += 1) {
      const client = await new SignalClient(url).open();
      await client.join(times.toString(16).padStart(64, '0'));
      client.socket.terminate();
    }
    await expect.poll(() => signal.stats()).toMatchObject({ connections: 0, peers: 0, rooms: 0 });
  });

  it('that relays to a thousand peers it was never matched with reaches nobody, and is cut short', async () => {
    const { client: victim } = await member();
    const { client } = await member();
    for (let index = 0; index < 1000; index += 1) {
      const to = index.toString(16).padStart(32, '0');
      client.send({ type: 'signal', to, signal: { type: 'offer', sdp: 'x'.repeat(1000) } });
    }
    expect((await client.next('error')).code).toBe('rate-limited');
    await victim.settled();
    expect(victim.received).toEqual([]);
    expect(signal.stats().relayed).toBe(0);
  });

  it('that never reads is cut off, and costs half a megabyte at most', async () => {
    const deaf = await member();
    const senders = await Promise.all(Array.from({ length: 12 }, member));
    for (const { client } of senders) client.send({ type: 'match', count: 8 });
    for (const { client } of senders) await client.settled();
    const partners = senders.filter(({ client }) =>
      client.received.some((message) => message.type === 'partner' && message.peer === deaf.peer),
    );
    expect(partners.length).toBeGreaterThan(1);
    deaf.client.socket.pause();
    const sdp = 'x'.repeat(12_000);
    // 100 messages a turn stay within each sender's own budget when time goes on.
    for (let turn = 0; turn < 40 && events.length === 0; turn += 1) {
      for (const { client } of partners) {
        for (let message = 0; message < 100; message += 1) {
          client.send({ type: 'signal', to: deaf.peer, signal: { type: 'offer', sdp } });
        }
      }
      for (const { client } of partners) await client.settled();
      clock.advance(4000);
    }
    expect(events).toEqual([{ type: 'dropped', code: 'slow-reader', detail: '' }]);
    await expect.poll(() => signal.stats().peers).toBe(12);
    deaf.client.socket.resume();
    await deaf.client.closed;
  });

  it('that floods with pings is cut short like one that floods with messages', async () => {
    const { client } = await member();
    for (let ping = 0; ping < 400; ping += 1) client.socket.ping();
    expect(await client.closed).toBe(1008);
    expect(events).toMatchObject([{ code: 'rate-limited' }]);
  });

  it('that sends a message in a thousand empty fragments is cut off at the 65th', async () => {
    const socket = await rawClient();
    const ended = once(socket, 'close');
    socket.write(frame(0x01, '{'));
    for (let fragment = 0; fragment < 1000; fragment += 1) socket.write(frame(0x00));
    await expect.poll(() => events.map((event) => ('code' in event ? event.code : ''))).toEqual(['bad-frame']);
    clock.advance(2000);
    await ended;
    expect(signal.stats().connections).toBe(0);
  });

  it('that begins a message and never ends it is cut off by the join deadline', async () => {
    const socket = await rawClient();
    const ended = once(socket, 'close');
    socket.write(frame(0x01, `{"type":"join","room":"${ROOM.slice(0, 32)}`));
    await expect.poll(() => signal.stats().connections).toBe(1);
    clock.advance(5000);
    clock.advance(2000);
    await ended;
    expect(events).toMatchObject([{ code: 'join-timeout' }]);
  });

  it('that is half open is gone after a minute', async () => {
    const client = await new SignalClient(url, { autoPong: false }).open();
    await client.join();
    clock.advance(30_000);
    await client.settled();
    clock.advance(30_000);
    expect(await client.closed).toBe(1006);
    expect(events).toMatchObject([{ code: 'silent' }]);
  });

  it('does not keep five hundred machines behind the same line from joining', async () => {
    const hostile = await Promise.all(Array.from({ length: 20 }, () => new SignalClient(url).open()));
    for (const client of hostile) client.sendText('{');
    await Promise.all(hostile.map(({ closed }) => closed));
    const members = await Promise.all(Array.from({ length: 500 }, member));
    expect(signal.stats()).toMatchObject({ connections: 500, peers: 500 });
    for (const { client } of members) client.socket.terminate();
  });
});
