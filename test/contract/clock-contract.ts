import type { Clock } from '../../src/core/ports.ts';
import { type ContractCase, equal, ok } from './contract.ts';

export interface ClockSubject {
  readonly clock: Clock;
  /** Lets at least so much time pass. */
  readonly pass: (milliseconds: number) => Promise<void>;
}

export const clockContract: readonly ContractCase<ClockSubject>[] = [
  {
    name: 'never goes back and moves on by what has passed',
    run: async ({ clock, pass }) => {
      const startMs = clock.now();
      await pass(20);
      ok(clock.now() >= startMs + 19, 'at least 19 of 20 ms have passed');
    },
  },
  {
    name: 'runs what is due once, in order of time, never inside the call',
    run: async ({ clock, pass }) => {
      const ran: string[] = [];
      clock.after(30, () => ran.push('later'));
      clock.after(0, () => ran.push('soon'));
      clock.after(-5, () => ran.push('overdue'));
      clock.after(10, () => ran.push('between'));
      equal(ran, []);
      await pass(60);
      await pass(60);
      equal(ran, ['soon', 'overdue', 'between', 'later']);
    },
  },
  {
    name: 'does not run what was cancelled, and takes a cancel too many',
    run: async ({ clock, pass }) => {
      let runs = 0;
      const cancel = clock.after(5, () => {
        runs += 1;
      });
      cancel();
      cancel();
      const done = clock.after(0, () => {
        runs += 10;
      });
      await pass(30);
      done();
      equal(runs, 10);
    },
  },
  {
    name: 'does not take a month for no time at all',
    run: async ({ clock, pass }) => {
      let ran = false;
      const cancel = clock.after(31 * 24 * 60 * 60_000, () => {
        ran = true;
      });
      await pass(20);
      equal(ran, false);
      cancel();
    },
  },
];
