import { beforeEach, describe, expect, it } from 'vitest';
import { Deadline } from '../../../src/core/deadline.ts';
import type { Clock } from '../../../src/core/ports.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let clock: VirtualClock;
let timers: number;
let dueMs: number[];
let deadline: Deadline;

beforeEach(() => {
  clock = new VirtualClock();
  timers = 0;
  dueMs = [];
  const counting: Clock = {
    now: () => clock.now(),
    after: (delayMs, callback) => {
      timers += 1;
      return clock.after(delayMs, callback);
    },
  };
  const startMs = clock.now();
  deadline = new Deadline(counting, () => dueMs.push(clock.now() - startMs));
});

describe('a deadline', () => {
  it('is due once, when it was last put off to, and takes few timers for that', async () => {
    for (let turn = 0; turn < 100; turn += 1) {
      deadline.set(500);
      await clock.advance(10);
    }
    await clock.advance(10_000);
    expect(dueMs).toEqual([990 + 500]);
    expect(timers).toBeLessThanOrEqual(4);
  });

  it('can be brought forward', async () => {
    deadline.set(3000);
    await clock.advance(100);
    deadline.set(500);
    await clock.advance(10_000);
    expect(dueMs).toEqual([600]);
  });

  it('can be set anew when it was due, also from there', async () => {
    deadline.set(100);
    await clock.advance(100);
    deadline.set(200);
    await clock.advance(1000);
    expect(dueMs).toEqual([100, 300]);
    const again = new Deadline(clock, () => {
      dueMs.push(0);
      if (dueMs.length < 5) again.set(50);
    });
    again.set(50);
    await clock.advance(1000);
    expect(dueMs).toEqual([100, 300, 0, 0, 0]);
  });
});
