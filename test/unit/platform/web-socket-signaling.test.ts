import { describe, expect, it } from 'vitest';
import type { WebSocketLike } from '../../../src/platform/signaling-socket.ts';
import { webSocketSignaling } from '../../../src/platform/web-socket-signaling.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

type Listener = (event: { readonly data: unknown }) => void;

/** A socket that a test opens, feeds and breaks. */
class ScriptedSocket implements WebSocketLike {
  readonly sent: string[] = [];
  isClosed = false;
  readonly #listeners: [string, Listener][] = [];

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.isClosed = true;
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.push([type, listener]);
  }

  emit(type: string, data?: unknown): void {
    for (const [heard, listener] of this.#listeners) if (heard === type) listener({ data });
  }
}

const PEER = '1'.repeat(32);
const WELCOME = JSON.stringify({ type: 'welcome', peer: PEER, iceServers: [] });

function open(isSeed?: boolean) {
  const clock = new VirtualClock();
  const sockets: ScriptedSocket[] = [];
  const events: string[] = [];
  const signaling = webSocketSignaling({
    url: 'ws://x/',
    room: 'a'.repeat(64),
    reach: 'site',
    ...(isSeed === undefined ? {} : { isSeed }),
    clock,
    random: new SeededRandom(7),
    connect: () => {
      const socket = new ScriptedSocket();
      sockets.push(socket);
      return socket;
    },
  });
  signaling.open({
    onWelcome: () => events.push('welcome'),
    onPartner: () => events.push('partner'),
    onSignal: () => events.push('signal'),
    onGone: () => events.push('gone'),
    onLeases: () => events.push('leases'),
    onDown: (reason) => events.push(`down: ${reason}`),
  });
  const last = (): ScriptedSocket => sockets.at(-1) as ScriptedSocket;
  return { clock, sockets, events, signaling, last };
}

describe('signaling over a web socket, in time', () => {
  it('says of a seed that it is one', () => {
    const { last } = open(true);
    last().emit('open');
    expect(JSON.parse(last().sent[0] ?? '')).toMatchObject({ type: 'join', seed: true });
  });

  it('joins first, and sends nothing else before the welcome', () => {
    const { signaling, last } = open();
    signaling.match(3);
    last().emit('open');
    signaling.match(3);
    expect(last().sent).toEqual([JSON.stringify({ type: 'join', version: 1, room: 'a'.repeat(64), reach: 'site' })]);
    last().emit('message', WELCOME);
    signaling.match(3);
    expect(last().sent).toHaveLength(2);
  });

  it('waits longer from attempt to attempt, between 0.5 and 30 s, and says once that the server is away', async () => {
    const { clock, sockets, events } = open();
    const attemptsMs: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      (sockets.at(-1) as ScriptedSocket).emit('error');
      const before = sockets.length;
      const failedMs = clock.now();
      await clock.runUntil(() => sockets.length > before);
      attemptsMs.push(clock.now() - failedMs);
    }
    for (const [attempt, delayMs] of attemptsMs.entries()) {
      const ceilingMs = Math.min(30_000, 1000 * 2 ** attempt);
      expect(delayMs).toBeGreaterThanOrEqual(ceilingMs / 2);
      expect(delayMs).toBeLessThanOrEqual(ceilingMs);
    }
    expect(events).toEqual(['down: the connection failed']);
  });

  it('gives up an attempt without a welcome after 10 s', async () => {
    const { clock, events, last } = open();
    const socket = last();
    socket.emit('open');
    await clock.advance(10_000);
    expect(socket.isClosed).toBe(true);
    expect(events).toEqual(['down: no welcome in time']);
  });

  it('starts from the shortest delay after a connection that lasted, and from a longer one after one that did not', async () => {
    const { clock, sockets, last } = open();
    const reconnect = async (livedMs: number): Promise<number> => {
      last().emit('message', WELCOME);
      await clock.advance(livedMs);
      last().emit('close');
      const [before, endedMs] = [sockets.length, clock.now()];
      await clock.runUntil(() => sockets.length > before);
      return clock.now() - endedMs;
    };
    for (let round = 0; round < 6; round += 1) await reconnect(10);
    expect(await reconnect(10)).toBeGreaterThan(10_000);
    expect(await reconnect(40_000)).toBeLessThanOrEqual(1000);
  });

  it('leaves a connection that has died without a word within a minute, and one that only has no news never', async () => {
    const { clock, sockets, events, last } = open();
    last().emit('open');
    last().emit('message', WELCOME);
    const heartbeat = JSON.stringify({ type: 'heartbeat' });
    for (let beat = 1; beat <= 10; beat += 1) {
      await clock.advance(25_000);
      expect(last().sent.filter((text) => text === heartbeat)).toHaveLength(beat);
      last().emit('message', heartbeat);
    }
    expect(events).toEqual(['welcome']);
    await clock.advance(50_000);
    expect(events).toEqual(['welcome', 'down: the server is silent']);
    await clock.advance(1000);
    expect(sockets).toHaveLength(2);
  });

  it('does what the server says with an error: goes and comes back', async () => {
    const { clock, sockets, events, last } = open();
    last().emit('message', WELCOME);
    last().emit('message', JSON.stringify({ type: 'error', code: 'shutting-down', message: 'bye' }));
    expect(events).toEqual(['welcome', 'down: the server says shutting-down: bye']);
    await clock.advance(1000);
    expect(sockets).toHaveLength(2);
  });

  it('leaves a server that welcomes twice, or floods', () => {
    const twice = open();
    twice.last().emit('message', WELCOME);
    twice.last().emit('message', WELCOME);
    expect(twice.events).toEqual(['welcome', 'down: bad message: welcome twice']);
    const flooded = open();
    flooded.last().emit('message', WELCOME);
    const partner = JSON.stringify({ type: 'partner', peer: '2'.repeat(32), initiator: true });
    for (let times = 0; times < 5000; times += 1) flooded.last().emit('message', partner);
    expect(flooded.events.filter((event) => event === 'partner')).toHaveLength(1999);
    expect(flooded.events.at(-1)).toBe('down: bad message: number of messages');
  });

  it('is closed when the socket is, or after 2 s when it never is', async () => {
    const prompt = open();
    prompt.last().emit('message', WELCOME);
    const closed = prompt.signaling.close();
    prompt.last().emit('close');
    await closed;

    const stuck = open();
    let isClosed = false;
    void stuck.signaling.close().then(() => {
      isClosed = true;
    });
    await stuck.clock.advance(1999);
    expect(isClosed).toBe(false);
    await stuck.clock.advance(1);
    expect(isClosed).toBe(true);
    await stuck.clock.advance(600_000);
    expect(stuck.sockets).toHaveLength(1);
  });
});
