import { describe, expect, it } from 'vitest';
import { RateHistory } from '../../../src/demo/rate-history.ts';

const none = { peers: 0, store: 0, origin: 0 };

describe('the rate history', () => {
  it('shows nothing before bytes move', () => {
    const history = new RateHistory();
    expect([history.record(0, none), history.record(250, none)]).toEqual([false, false]);
    expect(history.columns().seconds).toEqual([]);
  });

  it('takes what was there at its start as no transfer', () => {
    const history = new RateHistory();
    history.record(0, { ...none, peers: 9e9 });
    history.record(250, { ...none, peers: 9e9 });
    expect(history.peakPerSecond()).toBe(0);
  });

  it('turns totals into bytes per second, from zero', () => {
    const history = new RateHistory();
    history.record(1000, none);
    expect(history.record(1250, { ...none, peers: 500 })).toBe(true);
    expect(history.record(1500, { ...none, peers: 500, origin: 100 })).toBe(true);
    expect(history.columns()).toEqual({
      seconds: [1, 1.25, 1.5],
      peers: [0, 2000, 0],
      store: [0, 0, 0],
      origin: [0, 0, 400],
    });
    expect(history.peakPerSecond()).toBe(2000);
  });

  it('counts from zero again when a restarted worker reports smaller totals', () => {
    const history = new RateHistory();
    history.record(0, { ...none, store: 1000 });
    history.record(1000, { ...none, store: 30 });
    expect(history.columns().store).toEqual([0, 30]);
  });

  it('stands still after three quiet seconds, and breaks its lines where it goes on', () => {
    const history = new RateHistory();
    history.record(0, none);
    history.record(1000, { ...none, peers: 10 });
    expect(history.record(4000, { ...none, peers: 10 })).toBe(true);
    expect(history.record(5000, { ...none, peers: 10 })).toBe(false);
    expect(history.record(20_000, { ...none, peers: 10 })).toBe(false);
    expect(history.record(21_000, { ...none, peers: 40 })).toBe(true);
    expect(history.columns().seconds).toEqual([0, 1, 4, 20, 20, 21]);
    expect(history.columns().peers).toEqual([0, 10, 0, null, 0, 30]);
  });

  it('forgets what is older than a minute', () => {
    const history = new RateHistory();
    for (let second = 0; second <= 120; second += 1) history.record(second * 1000, { ...none, peers: second });
    expect(history.columns().seconds.at(0)).toBe(60);
  });
});
