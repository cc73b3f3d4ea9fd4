import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { PROTOCOL_VERSION } from '../../../src/protocol/version.ts';
import {
  createSignalServer,
  type SignalEvent,
  type SignalServer,
  type SignalServerOptions,
} from '../../../src/signal-server/index.ts';
import { ROOM, SignalClient } from './signal-client.ts';
import { VirtualServerClock } from './virtual-server-clock.ts';

interface Running {
  readonly url: string;
  readonly signal: SignalServer;
  readonly clock: VirtualServerClock;
  readonly events: SignalEvent[];
  readonly http: Server;
}

const started: Running[] = [];

async function start(options: SignalServerOptions = {}): Promise<Running> {
  const clock = new VirtualServerClock();
  const events: SignalEvent[] = [];
  const signal = createSignalServer({ clock, onEvent: (event) => events.push(event), ...options });
  const http = createServer((_request, response) => response.end('page'));
  signal.attach(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const running = { url: `ws://127.0.0.1:${port}/app/tabseed/signal`, signal, clock, events, http };
  started.push(running);
  return running;
}

async function joined(running: Running, count: number): Promise<{ client: SignalClient; peer: string }[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const client = await new SignalClient(running.url).open();
      return { client, peer: await client.join() };
    }),
  );
}

afterEach(async () => {
  for (const { signal, http } of started.splice(0)) {
    await signal.close();
    http.closeAllConnections();
    http.close();
  }
});

describe('joining', () => {
  it('gives every connection its own id and the ICE servers of the deployment', async () => {
    const iceServers = [{ urls: ['turn:turn.example:3478'], username: 'u', credential: 'c' }];
    const running = await start({ iceServers });
    const client = await new SignalClient(running.url).open();
    client.send({ type: 'join', version: PROTOCOL_VERSION, room: ROOM });
    const welcome = await client.next('welcome');
    expect(welcome.iceServers).toEqual(iceServers);
    const [other] = await joined(running, 1);
    expect(other?.peer).not.toBe(welcome.peer);
    expect(running.signal.stats()).toMatchObject({ connections: 2, peers: 2, rooms: 1 });
  });

  it('refuses another protocol version and says which one it speaks', async () => {
    const running = await start();
    const client = await new SignalClient(running.url).open();
    client.send({ type: 'join', version: PROTOCOL_VERSION + 1, room: ROOM });
    const error = await client.next('error');
    expect(error.code).toBe('unsupported-version');
    expect(error.message).toContain(String(PROTOCOL_VERSION));
    expect(await client.closed).toBe(1008);
  });

  it('closes a connection that does not join in five seconds, and only that', async () => {
    const running = await start();
    const idle = await new SignalClient(running.url).open();
    const [member] = await joined(running, 1);
    await idle.settled();
    running.clock.advance(4_000);
    expect(running.signal.stats().connections).toBe(2);
    running.clock.advance(1_000);
    expect((await idle.next('error')).code).toBe('join-timeout');
    expect(await idle.closed).toBe(1008);
    await member?.client.settled();
    expect(running.signal.stats()).toMatchObject({ connections: 1, peers: 1 });
  });

  it('refuses the peer that is one too many in a room, and forgets empty rooms', async () => {
    const running = await start({ maximumPeersPerRoom: 2 });
    const members = await joined(running, 2);
    const third = await new SignalClient(running.url).open();
    third.send({ type: 'join', version: PROTOCOL_VERSION, room: ROOM });
    expect((await third.next('error')).code).toBe('room-full');
    expect(await third.closed).toBe(1013);
    const elsewhere = await new SignalClient(running.url).open();
    await elsewhere.join('b'.repeat(64));
    expect(running.signal.stats().rooms).toBe(2);
    elsewhere.socket.close();
    await elsewhere.closed;
    for (const { client } of members) await client.settled();
    expect(running.signal.stats()).toMatchObject({ connections: 2, rooms: 1 });
  });
});

describe('introductions', () => {
  it('connect two peers and carry an offer, an answer and candidates between them', async () => {
    const running = await start();
    const [one, two] = await joined(running, 2);
    if (one === undefined || two === undefined) throw new Error('no peers');
    two.client.send({ type: 'match', count: 6 });
    expect(await two.client.next('partner')).toEqual({ type: 'partner', peer: one.peer, initiator: true });
    expect(await one.client.next('partner')).toEqual({ type: 'partner', peer: two.peer, initiator: false });
    const signals = [
      { type: 'offer', sdp: 'v=0\r\n' },
      { type: 'candidate', candidate: 'candidate:1 1 udp 1 192.0.2.1 9 typ host', sdpMid: '0', sdpMLineIndex: 0 },
    ] as const;
    for (const signal of signals) {
      two.client.send({ type: 'signal', to: one.peer, signal });
      expect(await one.client.next('signal')).toEqual({ type: 'signal', from: two.peer, signal });
    }
    one.client.send({ type: 'signal', to: two.peer, signal: { type: 'answer', sdp: 'v=0' } });
    expect((await two.client.next('signal')).signal.type).toBe('answer');
    one.client.socket.terminate();
    expect(await two.client.next('gone')).toEqual({ type: 'gone', peer: one.peer });
    expect(running.signal.stats()).toMatchObject({ introductions: 1, relayed: 3 });
  });

  it('go on as long as both sides are there: each asks for a sign of life and gets it', async () => {
    const running = await start();
    const [member] = await joined(running, 1);
    member?.client.send({ type: 'heartbeat' });
    expect(await member?.client.next('heartbeat')).toEqual({ type: 'heartbeat' });
  });

  it('never cross rooms', async () => {
    const running = await start();
    const one = await new SignalClient(running.url).open();
    const two = await new SignalClient(running.url).open();
    const peer = await one.join('1'.repeat(64));
    await two.join('2'.repeat(64));
    two.send({ type: 'match', count: 6 });
    two.send({ type: 'signal', to: peer, signal: { type: 'offer', sdp: 'v=0' } });
    await two.settled();
    await one.settled();
    expect([...one.received, ...two.received]).toEqual([]);
  });

  it('are needed before anything is relayed, and end with unmatch', async () => {
    const running = await start();
    const [one, two] = await joined(running, 2);
    if (one === undefined || two === undefined) throw new Error('no peers');
    two.client.send({ type: 'signal', to: one.peer, signal: { type: 'offer', sdp: 'v=0' } });
    two.client.send({ type: 'match', count: 1 });
    await one.client.next('partner');
    await two.client.next('partner');
    one.client.send({ type: 'unmatch', peer: two.peer });
    await two.client.next('gone');
    two.client.send({ type: 'signal', to: one.peer, signal: { type: 'offer', sdp: 'v=0' } });
    await two.client.settled();
    await one.client.settled();
    expect(one.client.received).toEqual([]);
    expect(running.signal.stats().relayed).toBe(0);
  });

  it('fill a room of thirty so that everybody has six partners at least and twenty at most', async () => {
    const running = await start();
    const members = await joined(running, 30);
    for (const { client } of members) client.send({ type: 'match', count: 6 });
    for (const { client } of members) await client.settled();
    // Once more: what the others' matches brought may be on its way behind the first pong.
    for (const { client } of members) await client.settled();
    for (const { client } of members) {
      const partners = client.received.map((message) => (message.type === 'partner' ? message.peer : ''));
      expect(new Set(partners).size).toBe(partners.length);
      expect(partners.length).toBeGreaterThanOrEqual(6);
      expect(partners.length).toBeLessThanOrEqual(20);
    }
  });
});

describe('misbehaviour', () => {
  const longName = JSON.stringify({ type: 'join', version: PROTOCOL_VERSION, room: 'A'.repeat(64) });
  it.each([
    ['text that is not JSON', 'hello'],
    ['JSON that is no object', '[1,2]'],
    ['an unknown type', '{"type":"lease"}'],
    ['a room that is no hash', longName],
    ['a message before join', '{"type":"match","count":1}'],
    ['fields that hide in a prototype', `{"__proto__":{"type":"join","version":${PROTOCOL_VERSION},"room":"${ROOM}"}}`],
    ['a constructor instead of a type', '{"type":{"constructor":"join"},"room":"__proto__"}'],
  ])('is answered with bad-message: %s', async (_name, text) => {
    const running = await start();
    const client = await new SignalClient(running.url).open();
    client.sendText(text);
    expect((await client.next('error')).code).toBe('bad-message');
    expect(await client.closed).toBe(1008);
    expect(Object.hasOwn(Object.prototype, 'type')).toBe(false);
  });

  it('costs a second join, a binary message, or a bad relay the place in the room', async () => {
    const running = await start();
    const actions: ((client: SignalClient) => void)[] = [
      (client) => client.send({ type: 'join', version: PROTOCOL_VERSION, room: ROOM }),
      (client) => client.socket.send(Buffer.from('{"type":"match","count":1}')),
      (client) => client.sendText(`{"type":"signal","to":"${'0'.repeat(32)}","signal":{"type":"renegotiate"}}`),
      (client) => client.sendText('{"type":"match","count":-1}'),
    ];
    for (const act of actions) {
      const [member] = await joined(running, 1);
      if (member === undefined) throw new Error('no peer');
      act(member.client);
      expect((await member.client.next('error')).code).toBe('bad-message');
      expect(await member.client.closed).toBe(1008);
    }
    expect(running.signal.stats().peers).toBe(0);
  });

  it('ends the connection at a message above 16 KB without reading it, and accepts one just below', async () => {
    const running = await start();
    const [one, two] = await joined(running, 2);
    if (one === undefined || two === undefined) throw new Error('no peers');
    two.client.send({ type: 'match', count: 1 });
    await one.client.next('partner');
    await two.client.next('partner');
    two.client.send({ type: 'signal', to: one.peer, signal: { type: 'offer', sdp: 'x'.repeat(12 * 1024) } });
    await one.client.next('signal');
    two.client.sendText(JSON.stringify({ type: 'join', version: 1, room: 'x'.repeat(17 * 1024) }));
    expect(await two.client.closed).toBe(1009);
    expect((await one.client.next('gone')).peer).toBe(two.peer);
    expect(running.events).toMatchObject([{ type: 'dropped', code: 'bad-frame' }]);
  });

  it('by flooding is cut short, while a swarm that only works hard is not', async () => {
    const running = await start();
    const [flooder, member] = await joined(running, 2);
    for (let message = 0; message < 400; message += 1) flooder?.client.send({ type: 'match', count: 0 });
    for (let message = 0; message < 200; message += 1) member?.client.send({ type: 'match', count: 0 });
    expect((await flooder?.client.next('error'))?.code).toBe('rate-limited');
    expect(await flooder?.client.closed).toBe(1008);
    await member?.client.settled();
    expect(running.signal.stats().peers).toBe(1);
  });

  it('by not answering pings ends in a minute; who answers stays', async () => {
    const running = await start();
    const deaf = await new SignalClient(running.url, { autoPong: false }).open();
    await deaf.join();
    const [member] = await joined(running, 1);
    running.clock.advance(30_000);
    // The first round trip may overtake the answer to the server's ping; the second cannot.
    await member?.client.settled();
    await member?.client.settled();
    running.clock.advance(30_000);
    expect(await deaf.closed).toBe(1006);
    await member?.client.settled();
    expect(running.signal.stats().connections).toBe(1);
    expect(running.events).toMatchObject([{ type: 'dropped', code: 'silent' }]);
  });

  it('by not taking part in the closing handshake is cut off two seconds later', async () => {
    const running = await start();
    const port = Number(new URL(running.url).port);
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      'GET /tabseed/signal HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n',
    );
    await once(socket, 'data');
    const ended = once(socket, 'close');
    running.clock.advance(5_000);
    await once(socket, 'data');
    running.clock.advance(2_000);
    await ended;
    expect(running.signal.stats().connections).toBe(0);
  });
});

describe('the endpoint', () => {
  it('answers any path that ends in /tabseed/signal, and only those', async () => {
    const running = await start();
    const base = running.url.replace('/app/tabseed/signal', '');
    await new SignalClient(`${base}/tabseed/signal`).open();
    await new SignalClient(`${base}/deep/app/tabseed/signal?x=1`).open();
    const other = new SignalClient(`${base}/tabseed/signals`);
    const [, response] = (await once(other.socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(404);
    const page = await fetch(base.replace('ws', 'http'));
    expect(await page.text()).toBe('page');
  });

  it('refuses what exceeds the connections of one network or of the server', async () => {
    const running = await start({ maximumConnectionsPerNetwork: 1, maximumConnections: 2, trustProxy: true });
    const from = (address: string) => new SignalClient(running.url, { headers: { 'x-forwarded-for': address } });
    const first = await from('192.0.2.1').open();
    const again = from('192.0.2.1');
    const [, tooMany] = (await once(again.socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(tooMany.statusCode).toBe(429);
    await from('192.0.2.2').open();
    const third = from('192.0.2.3');
    const [, full] = (await once(third.socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(full.statusCode).toBe(503);
    first.socket.close();
    await first.closed;
    await from('192.0.2.1').open();
    expect(running.events).toEqual([
      { type: 'refused', reason: 'network-full' },
      { type: 'refused', reason: 'server-full' },
    ]);
  });

  it('introduces who stays in its site to those behind the same network exit only', async () => {
    const running = await start({ trustProxy: true });
    const join = async (address: string): Promise<SignalClient> => {
      const client = await new SignalClient(running.url, { headers: { 'x-forwarded-for': address } }).open();
      client.send({ type: 'join', version: PROTOCOL_VERSION, room: ROOM, reach: 'site' });
      await client.next('welcome');
      return client;
    };
    const [one, other, near] = [await join('192.0.2.1'), await join('192.0.2.2'), await join('192.0.2.1')];
    other.send({ type: 'match', count: 8 });
    near.send({ type: 'match', count: 8 });
    expect(await one.next('partner')).toMatchObject({ initiator: false });
    expect(await near.next('partner')).toMatchObject({ initiator: true });
    expect([one.received, other.received, near.received]).toEqual([[], [], []]);
    expect(running.signal.stats()).toMatchObject({ peers: 3, introductions: 1 });
  });

  it('does not count a handshake that failed', async () => {
    const running = await start({ maximumConnectionsPerNetwork: 1 });
    const socket = connect(Number(new URL(running.url).port), '127.0.0.1');
    socket.write('GET /tabseed/signal HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /);
    socket.destroy();
    await new SignalClient(running.url).open();
  });

  it('grants the leases of those that it tells first to nobody', async () => {
    const running = await start();
    const [holder, other] = await joined(running, 2);
    if (holder === undefined || other === undefined) throw new Error('two clients');
    const want = { type: 'want', leases: 1, packs: [{ pack: 'b'.repeat(64), units: '01' }] } as const;
    holder.client.send(want);
    await holder.client.next('leases');
    other.client.send(want);
    await other.client.settled();
    await running.signal.close();
    await other.client.closed;
    expect(other.client.received).toMatchObject([{ type: 'error', code: 'shutting-down' }]);
  });

  it('introduces who comes first to what was fetched long ago to its fetcher', async () => {
    const running = await start();
    const [fetcher, other] = await joined(running, 2);
    if (fetcher === undefined || other === undefined) throw new Error('two clients');
    const want = (leases: number, units: string) =>
      ({ type: 'want', leases, packs: [{ pack: 'b'.repeat(64), units }] }) as const;
    fetcher.client.send(want(1, '03'));
    await fetcher.client.next('leases');
    fetcher.client.send(want(0, '02'));
    await fetcher.client.settled();
    running.clock.advance(10_000);
    other.client.send(want(1, '01'));
    expect(await other.client.next('partner')).toMatchObject({ peer: fetcher.peer, initiator: true });
    expect(await fetcher.client.next('partner')).toMatchObject({ peer: other.peer, initiator: false });
  });

  it('tells everybody when it stops, closes with 1001, and then leaves nothing running', async () => {
    const running = await start();
    const members = await joined(running, 3);
    const idle = await new SignalClient(running.url).open();
    const closing = running.signal.close();
    for (const client of [...members.map(({ client: member }) => member), idle]) {
      expect((await client.next('error')).code).toBe('shutting-down');
      expect(await client.closed).toBe(1001);
    }
    await closing;
    expect(running.signal.stats()).toMatchObject({ connections: 0, peers: 0, rooms: 0 });
    expect(running.clock.repetitions).toBe(0);
    await running.signal.close();
  });
});
