import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../../src/signal-server/token-bucket.ts';

function takeAll(bucket: TokenBucket, now: number): number {
  let taken = 0;
  while (bucket.take(now)) taken += 1;
  return taken;
}

describe('a token bucket', () => {
  it('allows its capacity at once, then its rate', () => {
    const bucket = new TokenBucket(10, 4, 0);
    expect(takeAll(bucket, 0)).toBe(10);
    expect(takeAll(bucket, 250)).toBe(1);
    expect(takeAll(bucket, 1250)).toBe(4);
  });

  it('never holds more than its capacity, however long nobody takes', () => {
    const bucket = new TokenBucket(3, 100, 0);
    expect(takeAll(bucket, 1_000_000)).toBe(3);
  });

  it('earns parts of a token, however often it is asked', () => {
    const bucket = new TokenBucket(1, 1, 0);
    bucket.take(0);
    for (let now = 100; now < 1000; now += 100) expect(bucket.take(now)).toBe(false);
    expect(bucket.take(1001)).toBe(true);
  });

  it('does not lose or gain when the clock stands or steps back', () => {
    const bucket = new TokenBucket(1, 1, 1000);
    bucket.take(1000);
    expect(bucket.take(500)).toBe(false);
  });
});
