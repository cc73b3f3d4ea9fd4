import { describe, expect, it } from 'vitest';
import { MessageBudget, requestCost } from '../../../src/core/message-budget.ts';

describe('a message budget', () => {
  it('stands a burst of 2,000 messages and 200 a second in the long run', () => {
    const budget = new MessageBudget(0);
    for (let message = 0; message < 2000; message += 1) expect(budget.take(1, 0)).toBe(true);
    expect(budget.take(1, 0)).toBe(false);
    const steady = new MessageBudget(0);
    for (let nowMs = 0; nowMs < 60_000; nowMs += 5) expect(steady.take(1, nowMs)).toBe(true);
  });

  it('ends a thousand messages a second within three seconds', () => {
    const budget = new MessageBudget(0);
    let nowMs = 0;
    while (budget.take(1, nowMs)) nowMs += 1;
    expect(nowMs).toBeLessThan(3000);
  });

  it('never runs out for who reads what it asked for, in any size', () => {
    for (const bytes of [16 * 1024, 64 * 1024, 1024 * 1024, 16 * 1024 * 1024]) {
      const budget = new MessageBudget(0);
      for (let request = 0; request < 5000; request += 1) {
        expect(budget.take(requestCost(bytes), 0)).toBe(true);
        budget.earn(bytes);
        if (bytes > 64 * 1024) expect(budget.isLow(0)).toBe(false);
      }
    }
  });

  it('lets who asks and cancels for ever read 12 MiB a second of a store for nothing, after the first 121 MiB', () => {
    const budget = new MessageBudget(0);
    const readIn = (fromMs: number, untilMs: number): number => {
      let mebibytes = 0;
      for (let nowMs = fromMs; nowMs < untilMs; nowMs += 1) {
        while (!budget.isLow(nowMs) && budget.take(requestCost(1024 * 1024) + 1, nowMs)) mebibytes += 1;
      }
      return mebibytes;
    };
    expect(readIn(0, 1)).toBeLessThanOrEqual(121);
    expect(readIn(1, 10_001) / 10).toBeLessThanOrEqual(12);
  });
});
