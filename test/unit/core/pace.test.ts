import { describe, expect, it } from 'vitest';
import { Pace } from '../../../src/core/pace.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** What becomes of a request for `bytes` when `piece` bytes come every `everyMs`, and when. */
function fate(
  bytes: number,
  piece: number,
  everyMs: number,
  rate = 0,
): readonly ['silent' | 'late' | 'answered', number] {
  const pace = new Pace();
  pace.onRequest(0, bytes, rate, 0);
  let sent = 0;
  for (let nowMs = 100; nowMs <= 60_000; nowMs += 100) {
    if (nowMs % everyMs === 0) {
      sent += piece;
      pace.onBytes(piece, nowMs);
      if (sent >= bytes) return ['answered', nowMs];
    }
    if (pace.isSilent(nowMs)) return ['silent', nowMs];
    if (pace.isLate(0, nowMs)) return ['late', nowMs];
  }
  throw new Error('neither answered nor given up in a minute');
}

describe('the pace of a peer', () => {
  it('is nobody’s concern while nothing is asked for', () => {
    expect(new Pace().isLate(0, 1e9) || new Pace().isSilent(1e9)).toBe(false);
  });

  it.each([
    ['nothing', 0, 100],
    ['a byte a second', 1, 1000],
    ['a fragment of 1 KiB every 2.9 s', KIB, 2900],
    ['3 KiB a second', 3 * KIB, 1000],
  ])('ends the session after three seconds of %s', (_name, piece, everyMs) => {
    expect(fate(MIB, piece, everyMs)).toEqual(['silent', 3100]);
  });

  it('moves a request 22 s after it was made at the latest, however cleverly the peer drips', () => {
    for (const kibPerSecond of [5, 17, 30, 40, 46]) {
      expect(fate(MIB, kibPerSecond * KIB, 1000)).toEqual(['late', 22_100]);
    }
    // Measured at 20 MB/s before, with a full window.
    expect(fate(5 * MIB, 50 * KIB, 1000, 20_000)[1]).toBeLessThanOrEqual(22_100);
    expect(fate(256 * KIB, 20 * KIB, 1000)).toEqual(['late', 10_100]);
  });

  it('has time for an honest peer that is slow: 64 KiB/s, or a twentieth of what it was', () => {
    expect(fate(MIB, 64 * KIB, 1000)[0]).toBe('answered');
    expect(fate(5 * MIB, 1000 * KIB, 1000, 20_000)[0]).toBe('answered');
  });

  it('does not hold against a peer what this machine was late itself, but for seven seconds at most', () => {
    const pace = new Pace();
    pace.onRequest(0, 64 * KIB, 0, 0);
    pace.onOwnDelay(4000);
    expect(pace.isSilent(7000)).toBe(false);
    expect(pace.isSilent(7001)).toBe(true);
    pace.onOwnDelay(60_000);
    expect(pace.isSilent(10_000)).toBe(false);
    expect(pace.isSilent(10_001)).toBe(true);
    // Once something has come, the next silence is another one.
    pace.onBytes(12 * KIB, 20_000);
    pace.onOwnDelay(1000);
    expect(pace.isSilent(24_000)).toBe(false);
    expect(pace.isSilent(24_001)).toBe(true);
  });

  it('moves no request earlier or later than by what this machine was late', () => {
    const pace = new Pace();
    pace.onRequest(0, 64 * 1024, 0, 0);
    expect([pace.isLate(0, 7000), pace.isLate(0, 7001)]).toEqual([false, true]);
    pace.onOwnDelay(500);
    expect([pace.isLate(0, 7500), pace.isLate(0, 7501)]).toEqual([false, true]);
  });

  it('waits for no request longer than for a whole window, and that long where nobody else can be asked', () => {
    const pace = new Pace();
    pace.onRequest(0, 64 * KIB, 0, 0);
    expect([pace.isOverdue(0, 22_000), pace.isOverdue(0, 22_001)]).toEqual([false, true]);
    pace.onOwnDelay(500);
    expect([pace.isOverdue(0, 22_500), pace.isOverdue(0, 22_501)]).toEqual([false, true]);
    pace.onEnd(0, 22_600);
    expect(pace.isOverdue(0, 1e9)).toBe(false);
  });

  it('counts a small request that was answered as progress', () => {
    const pace = new Pace();
    for (let request = 0; request < 20; request += 1) {
      pace.onRequest(request, 2 * KIB, 0, request * 1000);
      if (request > 0) pace.onEnd(request - 1, request * 1000);
      expect(pace.isSilent(request * 1000)).toBe(false);
    }
    expect(pace.isSilent(23_000)).toBe(true);
  });
});
