import { describe, expect, it } from 'vitest';
import { SourceSpeed } from '../../../src/core/source-speed.ts';

/** `bytes` come in `milliseconds` while something is asked for. */
function come(speed: SourceSpeed, bytes: number, fromMs: number, milliseconds: number): void {
  speed.update(true, fromMs);
  speed.onBytes(bytes);
  speed.update(false, fromMs + milliseconds);
}

describe('the speed of sources', () => {
  it('is unknown until two seconds have passed or a mebibyte has come', () => {
    const speed = new SourceSpeed();
    come(speed, 10_000, 0, 1900);
    expect(speed.bytesPerMs).toBeUndefined();
    come(speed, 10_000, 1900, 100);
    expect(speed.bytesPerMs).toBe(10);
    const fast = new SourceSpeed();
    come(fast, 1024 * 1024, 0, 64);
    expect(fast.bytesPerMs).toBe(16_384);
  });

  it('does not take a pause for slowness', () => {
    const speed = new SourceSpeed();
    come(speed, 100_000, 0, 1000);
    come(speed, 100_000, 60_000, 1000);
    expect(speed.bytesPerMs).toBe(100);
  });

  it('grows with each sample that is a quarter better than the last that grew', () => {
    const speed = new SourceSpeed();
    const growing = [100, 120, 130, 150, 160].map((bytesPerMs, sample) => {
      come(speed, bytesPerMs * 2000, sample * 2000, 2000);
      return speed.isGrowing;
    });
    expect(growing).toEqual([true, false, true, false, false]);
    speed.restart();
    expect(speed.isGrowing).toBe(true);
    expect(speed.bytesPerMs).toBeUndefined();
  });
});
