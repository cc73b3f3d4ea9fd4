import { describe, expect, it } from 'vitest';
import { ORIGIN_SAMPLE_BYTES, SourceSpeed } from '../../../src/core/source-speed.ts';

/** `bytes` come in `milliseconds` while something is asked for. */
function come(speed: SourceSpeed, bytes: number, fromMs: number, milliseconds: number): void {
  speed.update(true, fromMs);
  speed.onBytes(bytes);
  speed.update(false, fromMs + milliseconds);
}

describe('the speed of sources', () => {
  it('is unknown until five seconds have passed or four mebibytes have come', () => {
    const speed = new SourceSpeed();
    come(speed, 10_000, 0, 4900);
    expect(speed.bytesPerMs).toBeUndefined();
    come(speed, 10_000, 4900, 100);
    expect(speed.bytesPerMs).toBe(4);
    const fast = new SourceSpeed();
    come(fast, 4 * 1024 * 1024, 0, 64);
    expect(fast.bytesPerMs).toBe(65_536);
  });

  it('of the origin is known after less', () => {
    const speed = new SourceSpeed(ORIGIN_SAMPLE_BYTES);
    come(speed, 1024 * 1024, 0, 1024);
    expect(speed.bytesPerMs).toBe(1024);
  });

  it('has one bad moment that says nothing, and two that do', () => {
    const speed = new SourceSpeed();
    const recent = [400, 50, 60, 300].map((bytesPerMs, sample) => {
      come(speed, bytesPerMs * 5000, sample * 5000, 5000);
      return speed.recentBytesPerMs;
    });
    expect(recent).toEqual([400, 400, 60, 300]);
  });

  it('does not take a pause for slowness', () => {
    const speed = new SourceSpeed();
    come(speed, 250_000, 0, 2500);
    come(speed, 250_000, 60_000, 2500);
    expect(speed.bytesPerMs).toBe(100);
  });

  it('grows with each sample that is a quarter better than the last that grew', () => {
    const speed = new SourceSpeed();
    const growing = [100, 120, 130, 150, 160].map((bytesPerMs, sample) => {
      come(speed, bytesPerMs * 5000, sample * 5000, 5000);
      return speed.isGrowing;
    });
    expect(growing).toEqual([true, false, true, false, false]);
    speed.restart();
    expect(speed.isGrowing).toBe(true);
    expect(speed.bytesPerMs).toBeUndefined();
  });
});
