import { beforeEach, describe, expect, it } from 'vitest';
import { announced, CHUNK_BYTES, NEAR, pack, SessionBench } from './session-bench.ts';

let bench: SessionBench;
beforeEach(() => {
  bench = new SessionBench();
});

describe('a session', () => {
  it('says hello, and has nothing to give before the other side did', async () => {
    await bench.clock.advance(10);
    expect(bench.heard[0]).toEqual({ type: 'hello', version: 1, instance: NEAR, packs: announced });
    expect(bench.session.downloads.room).toBe(0);
    await bench.greet();
    expect(bench.session.downloads.room).toBeGreaterThan(0);
    expect(bench.session.has({ pack, index: 7 })).toBe(true);
  });

  it('measures a round trip before anything is sent, beside which later ones are long', async () => {
    await bench.clock.advance(10);
    expect(bench.session.shortestMs).toBe(20);
    expect(await bench.session.queueingMs()).toBe(50);
    expect(await bench.session.queueingMs()).toBeUndefined();
  });

  it('counts as stalled when nothing comes for three seconds, not even the answer to a ping', async () => {
    await bench.greet();
    await bench.say({ type: 'pong', token: 0 });
    bench.session.downloads.request({ pack, first: 0, count: 1 });
    await bench.clock.advance(1000);
    bench.session.probe(bench.clock.now());
    await bench.clock.advance(1950);
    expect(bench.heard.at(-1)).toEqual({ type: 'ping', token: 0 });
    expect(bench.session.isStalled(bench.clock.now())).toBe(false);
    await bench.clock.advance(150);
    expect(bench.session.isStalled(bench.clock.now())).toBe(true);
    await bench.say({ type: 'pong', token: 0 });
    expect(bench.session.isStalled(bench.clock.now())).toBe(false);
  });

  it('is asked whether it is there no more often than it answers', async () => {
    await bench.greet();
    await bench.say({ type: 'pong', token: 0 });
    bench.session.downloads.request({ pack, first: 0, count: 1 });
    for (let tick = 0; tick < 40; tick += 1) {
      await bench.clock.advance(100);
      bench.session.probe(bench.clock.now());
    }
    expect(bench.heard.filter(({ type }) => type === 'ping')).toHaveLength(2);
  });

  it('counts as stalled when a byte comes every second', async () => {
    await bench.greet();
    bench.session.downloads.request({ pack, first: 0, count: 8 });
    for (let second = 0; second < 4; second += 1) {
      const head = { type: 'data', request: 0, chunk: 0, encoding: 'identity', encodedBytes: CHUNK_BYTES } as const;
      await bench.say({ ...head, offset: second, bytes: Uint8Array.of(0) });
      await bench.clock.advance(900);
    }
    expect(bench.session.isStalled(bench.clock.now())).toBe(true);
  });

  it('counts as stalled when there is no hello in five seconds', async () => {
    await bench.clock.advance(4900);
    expect(bench.session.isStalled(bench.clock.now())).toBe(false);
    await bench.clock.advance(100);
    expect(bench.session.isStalled(bench.clock.now())).toBe(true);
  });

  it('answers a request and rejects one that it cannot answer', async () => {
    await bench.greet();
    await bench.say({ type: 'request', request: 9, pack: 0, first: 0, count: 2 });
    expect(bench.heard.filter((message) => message.type === 'data')).toHaveLength(2);
    expect(bench.uploadedBytes).toBe(2 * CHUNK_BYTES);
    await bench.say({ type: 'request', request: 10, pack: 0, first: 7, count: 5 });
    expect(bench.heard.at(-1)).toEqual({ type: 'reject', request: 10 });
  });

  it('reads and sends nothing for a request that was cancelled in time', async () => {
    await bench.greet();
    const requests = [1, 2, 3].map((request) => ({ type: 'request', request, pack: 0, first: 0, count: 8 }) as const);
    await bench.say(...requests, { type: 'cancel', request: 3 });
    await bench.clock.advance(1000);
    expect(bench.heard.filter((message) => message.type === 'data')).toHaveLength(16);
    expect(bench.uploadedBytes).toBe(16 * CHUNK_BYTES);
  });

  it('leaves a peer of another version without banning it', async () => {
    await bench.sayBytes(Uint8Array.of(1, 2, 0));
    expect(bench.end).toBe('version');
  });
});
