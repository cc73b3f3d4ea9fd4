import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Clock } from '../../src/core/ports.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { webSocketSignaling } from '../../src/platform/web-socket-signaling.ts';
import { MemorySignalingHub } from '../fakes/memory-signaling.ts';
import { ScriptedSignalServer } from '../fakes/scripted-signal-server.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { ICE_SERVERS, ROOM_A, signalingContract } from './signaling-contract.ts';

const SPEED = 50;

/** Real sockets need real time; delays of seconds between attempts do not. */
function fastClock(): Clock {
  const clock = systemClock();
  return { now: () => clock.now() * SPEED, after: (milliseconds, run) => clock.after(milliseconds / SPEED, run) };
}

function newHub(): MemorySignalingHub {
  const random = new SeededRandom(1);
  return new MemorySignalingHub({ clock: systemClock(), random, latencyMs: 1, iceServers: ICE_SERVERS });
}

describe('signaling in memory', () => {
  it.each(signalingContract)('$name', async ({ run }) => {
    const hub = newHub();
    await run({
      signaling: (room) => hub.signaling(room),
      goDown: () => {
        hub.goDown();
        return Promise.resolve();
      },
      comeUp: () => {
        hub.comeUp();
        return Promise.resolve();
      },
    });
  });
});

describe('signaling over a web socket', () => {
  const closers: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  async function newServer(): Promise<ScriptedSignalServer> {
    const server = new ScriptedSignalServer(newHub());
    await server.start();
    closers.push(() => server.stop());
    return server;
  }

  function clientOf(url: string, room: string = ROOM_A) {
    const connect = (to: string) => new WebSocket(to);
    return webSocketSignaling({ url, room, reach: 'any', clock: fastClock(), random: new SeededRandom(2), connect });
  }

  it.each(signalingContract)('$name', async ({ run }) => {
    const server = await newServer();
    await run({
      signaling: (room) => clientOf(server.url, room),
      goDown: () => server.stop(),
      comeUp: () => server.start(),
    });
  });

  it('hangs up on a message that the protocol does not allow, and comes back', async () => {
    const server = await newServer();
    const reasons: string[] = [];
    for (const bad of ['{"type":"welcome","peer":"x","iceServers":[]}', 'not JSON', Buffer.from([1, 2, 3])]) {
      const signaling = clientOf(server.url);
      let welcomes = 0;
      await new Promise<void>((resolve) => {
        signaling.open({
          onWelcome: () => {
            welcomes += 1;
            if (welcomes === 2) resolve();
            else for (const socket of server.sockets) socket.send(bad);
          },
          onDown: (reason) => reasons.push(reason),
          onPartner: () => undefined,
          onSignal: () => undefined,
          onGone: () => undefined,
          onLeases: () => undefined,
        });
      });
      await signaling.close();
    }
    expect(reasons).toHaveLength(3);
    for (const reason of reasons) expect(reason).toMatch(/^bad message/);
  });

  it('says that the server is away when the platform forbids the connection', async () => {
    const signaling = webSocketSignaling({
      url: 'ws://127.0.0.1/',
      room: ROOM_A,
      reach: 'any',
      clock: fastClock(),
      random: new SeededRandom(3),
      connect: () => {
        throw new DOMException('blocked by policy', 'SecurityError');
      },
    });
    await new Promise<void>((resolve) => {
      signaling.open({
        onDown: () => resolve(),
        onWelcome: () => undefined,
        onPartner: () => undefined,
        onSignal: () => undefined,
        onGone: () => undefined,
        onLeases: () => undefined,
      });
    });
    await signaling.close();
  });
});
