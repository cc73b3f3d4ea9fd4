import type { Clock, Random } from '../core/ports.ts';

/** `setTimeout` fires at once when told to wait longer: a signed 32-bit number of milliseconds, some 25 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export function systemClock(): Clock {
  return {
    now: () => performance.now(),
    after: (milliseconds, run) => {
      const timer = setTimeout(run, Math.min(milliseconds, LONGEST_TIMER_MS));
      return () => clearTimeout(timer);
    },
  };
}

/** For jitter and choice among peers; never for secrets. */
export function systemRandom(): Random {
  return { next: () => Math.random() };
}
