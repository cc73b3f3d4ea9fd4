import { describe, expect, it } from 'vitest';
import { judgeAbsence } from '../../../src/core/absence.ts';

const HOUR_MS = 60 * 60 * 1000;
const START = 1_800_000_000_000;

const answer = (status: number) => ({ status, ok: status >= 200 && status < 300 });
const judge = (statuses: readonly [number, number, number], since: unknown, now: number) =>
  judgeAbsence(statuses.map(answer), since, now);

describe('an origin without a pointer', () => {
  it('has taken the app away when it says 410 of the pointer or the worker script', () => {
    expect(judge([410, 200, 200], undefined, START)).toBe(true);
    expect(judge([404, 410, 500], undefined, START)).toBe(true);
  });

  it('has taken it away when pointer and worker script are both missing, an hour apart', () => {
    expect(judge([404, 404, 200], undefined, START)).toBe(START);
    expect(judge([404, 404, 200], START, START + HOUR_MS - 1)).toBe(START);
    expect(judge([404, 404, 200], START, START + HOUR_MS)).toBe(true);
  });

  it.each([
    ['one of the two is there', [404, 200, 200]],
    ['the other is there', [200, 404, 200]],
    ['the app itself is missing, too', [404, 404, 404]],
    ['the whole origin is in trouble', [404, 404, 503]],
    ['the origin asks for a login', [0, 0, 0]],
    ['a proxy refuses', [403, 403, 200]],
  ] as const)('has not when %s', (_, statuses) => {
    expect(judge(statuses, START, START + 2 * HOUR_MS)).toBeNull();
  });

  it('has not when one of the three was not answered', () => {
    expect(judgeAbsence([], START, START + 2 * HOUR_MS)).toBeNull();
  });

  it('starts the hour anew after the clock was set back', () => {
    expect(judge([404, 404, 200], START, START - 1)).toBe(START - 1);
  });
});
