import { describe, expect, it } from 'vitest';
import { LinkPace } from '../../../src/core/link-pace.ts';
import { MAX_FRAGMENT_BYTES } from '../../../src/protocol/limits.ts';

const KIB = 1024;

/** A pace after `milliseconds` of sending without pause over a path that takes `bytesPerMs`. */
function paceAfter(milliseconds: number, bytesPerMs: number, pace = new LinkPace()): LinkPace {
  let buffered = 0;
  for (let now = 0; now < milliseconds; now += 1) {
    buffered = Math.max(0, buffered - bytesPerMs);
    while (buffered < pace.bufferBytes) {
      buffered += pace.fragmentBytes;
      pace.onSent(pace.fragmentBytes, buffered, now);
    }
  }
  return pace;
}

describe('the pace of a link', () => {
  it('begins with frames of 64 KiB and a short queue', () => {
    const pace = new LinkPace();
    expect(pace.fragmentBytes).toBe(64 * KIB);
    expect(pace.bufferBytes).toBe(256 * KIB);
  });

  it('uses the largest frames and a megabyte of queue on a path that is always empty', () => {
    const pace = paceAfter(1000, 50_000);
    expect(pace.fragmentBytes).toBe(MAX_FRAGMENT_BYTES);
    expect(pace.bufferBytes).toBe(1024 * KIB);
  });

  it('lets a frame take 10 ms and the queue 100 ms of a path of 4 MB/s', () => {
    const pace = paceAfter(3000, 4000);
    expect(pace.fragmentBytes / 4000).toBeGreaterThan(9);
    expect(pace.fragmentBytes / 4000).toBeLessThan(11);
    expect(pace.bufferBytes / 4000).toBeGreaterThan(90);
    expect(pace.bufferBytes / 4000).toBeLessThan(110);
  });

  it('never goes below 16 KiB frames, however slow the path', () => {
    const pace = paceAfter(20_000, 20);
    expect(pace.fragmentBytes).toBe(16 * KIB);
    expect(pace.bufferBytes).toBe(64 * KIB);
  });

  it('follows a path that becomes slow', () => {
    const pace = paceAfter(1000, 20_000);
    paceAfter(5000, 500, pace);
    expect(pace.fragmentBytes).toBe(16 * KIB);
  });

  it('does not take a pause for a slow path', () => {
    const pace = paceAfter(1000, 20_000);
    const before = pace.bufferBytes;
    pace.onIdle();
    pace.onSent(1000, 1000, 60_000);
    pace.onSent(1000, 1000, 60_001);
    expect(pace.bufferBytes).toBe(before);
  });
});
