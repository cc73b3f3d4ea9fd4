import { beforeEach, describe, expect, it } from 'vitest';
import { CHUNK_BYTES, pack, SessionBench } from './session-bench.ts';

let bench: SessionBench;
beforeEach(() => {
  bench = new SessionBench();
});

describe('what a peer was asked for', () => {
  it('passes on chunks that were asked for, in order', async () => {
    await bench.greet();
    bench.session.downloads.request({ pack, first: 2, count: 2 });
    await bench.say(bench.data(0, 2), bench.data(0, 3));
    expect(bench.arrived.map(({ location }) => location.index)).toEqual([2, 3]);
    expect(bench.session.downloads.openBytes).toBe(0);
  });

  it('puts the fragments of a chunk together', async () => {
    await bench.greet();
    bench.session.downloads.request({ pack, first: 0, count: 1 });
    const half = { type: 'data', request: 0, chunk: 0, encoding: 'identity', encodedBytes: CHUNK_BYTES } as const;
    await bench.say(
      { ...half, offset: 0, bytes: new Uint8Array(CHUNK_BYTES / 2).fill(1) },
      { ...half, offset: CHUNK_BYTES / 2, bytes: new Uint8Array(CHUNK_BYTES / 2).fill(2) },
    );
    expect(bench.arrived[0]?.stored.bytes.at(0)).toBe(1);
    expect(bench.arrived[0]?.stored.bytes.at(-1)).toBe(2);
  });

  it('gives back what was refused, and does not ask this peer for the first of it again', async () => {
    await bench.greet();
    bench.session.downloads.request({ pack, first: 0, count: 3 });
    await bench.say(bench.data(0, 0), { type: 'reject', request: 0 });
    expect(bench.refused.map(({ index }) => index)).toEqual([1, 2]);
    expect(bench.session.has({ pack, index: 1 })).toBe(false);
    expect(bench.session.has({ pack, index: 2 })).toBe(true);
  });

  it('gives back what was not answered when it ends', async () => {
    await bench.greet();
    bench.session.downloads.request({ pack, first: 0, count: 2 });
    await bench.say({ type: 'bye' });
    expect(bench.end).toBe('closed');
    expect(bench.unanswered).toHaveLength(2);
  });

  it('counts data of a cancelled request as unneeded', async () => {
    await bench.greet();
    bench.session.downloads.request({ pack, first: 0, count: 1 });
    bench.session.downloads.cancelUnneeded(() => false);
    await bench.say(bench.data(0, 0));
    expect(bench.heard.at(-1)).toEqual({ type: 'cancel', request: 0 });
    expect(bench.unneededBytes).toBe(CHUNK_BYTES);
    expect(bench.end).toBeUndefined();
  });

  it('gets back from a slow peer what is overdue, and does not ask it for that again', async () => {
    await bench.greet();
    bench.session.downloads.request({ pack, first: 0, count: 8 });
    for (let second = 0; second < 16; second += 1) {
      const [chunk, offset] = [Math.floor(second / 13), (second % 13) * 5042];
      const head = { type: 'data', request: 0, chunk, encoding: 'identity', encodedBytes: CHUNK_BYTES } as const;
      await bench.say({ ...head, offset, bytes: new Uint8Array(Math.min(5042, CHUNK_BYTES - offset)) });
      await bench.clock.advance(900);
      expect(bench.session.isStalled(bench.clock.now())).toBe(false);
      bench.session.downloads.takeBackLate(bench.clock.now());
    }
    // The first one came, in thirteen pieces.
    expect(bench.refused.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    await bench.clock.advance(100);
    expect(bench.heard.at(-1)).toEqual({ type: 'cancel', request: 0 });
    expect(bench.session.has({ pack, index: 7 })).toBe(false);
    expect(bench.end).toBeUndefined();
  });

  it('leaves with a slow peer what nobody else has, for 22 s', async () => {
    await bench.greet();
    bench.elsewhere = new Set([4, 5, 6, 7]);
    bench.session.downloads.request({ pack, first: 0, count: 4 });
    bench.session.downloads.request({ pack, first: 4, count: 4 });
    const seen: number[][] = [];
    for (let second = 0; second < 23; second += 1) {
      const head = { type: 'data', request: 0, chunk: 0, encoding: 'identity', encodedBytes: CHUNK_BYTES } as const;
      await bench.say({ ...head, offset: second * 2500, bytes: new Uint8Array(2500) });
      await bench.clock.advance(900);
      bench.session.downloads.takeBackLate(bench.clock.now());
      if (second % 6 === 5) seen.push(bench.refused.map(({ index }) => index));
    }
    expect(seen).toEqual([[], [], [4, 5, 6, 7]]);
    await bench.clock.advance(1000);
    bench.session.downloads.takeBackLate(bench.clock.now());
    expect(bench.refused.map(({ index }) => index)).toEqual([4, 5, 6, 7, 0, 1, 2, 3]);
  });

  it('ends when the peer refuses eight times in a row what it claims to have', async () => {
    await bench.greet();
    const asked: number[] = [];
    for (let round = 0; bench.end === undefined; round += 1) {
      const first = asked.length;
      bench.session.downloads.request({ pack, first: first % 8, count: 1 });
      asked.push(round);
      await bench.say({ type: 'reject', request: round }, { type: 'have', pack: 0, first: 0, count: 8 });
    }
    expect(bench.end).toBe('useless');
    expect(asked).toHaveLength(8);
  });

  it('takes many refusals at once for one, and believes the peer again when it gives a chunk', async () => {
    await bench.greet();
    for (let request = 0; request < 40; request += 1)
      bench.session.downloads.request({ pack, first: request % 8, count: 1 });
    await bench.say(...Array.from({ length: 40 }, (_, request) => ({ type: 'reject', request }) as const));
    expect(bench.end).toBeUndefined();
    for (let request = 40; request < 60; request += 2) {
      bench.session.downloads.request({ pack, first: 0, count: 1 });
      await bench.say(bench.data(request, 0));
      bench.session.downloads.request({ pack, first: 1, count: 1 });
      await bench.say({ type: 'reject', request: request + 1 });
    }
    expect(bench.end).toBeUndefined();
  });

  it('asks for nothing more when its requests could be too many for the peer', async () => {
    await bench.greet();
    for (let request = 0; bench.session.downloads.room > 0; request += 1) {
      bench.session.downloads.request({ pack, first: 0, count: 1 });
      bench.session.downloads.cancelUnneeded(() => false);
      if (request > 2000) throw new Error('never holds back');
    }
    await bench.clock.advance(1000);
    expect(bench.session.downloads.room).toBeGreaterThan(0);
  });
});
