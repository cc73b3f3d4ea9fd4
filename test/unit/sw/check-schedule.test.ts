import { beforeEach, describe, expect, it } from 'vitest';
import { CheckSchedule } from '../../../src/sw/check-schedule.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let clock: VirtualClock;
let schedule: CheckSchedule;
let checks: number;
let ended: string[];

beforeEach(() => {
  clock = new VirtualClock();
  schedule = new CheckSchedule(clock);
  checks = 0;
  ended = [];
});

function navigate(name: string): void {
  const check = (): Promise<void> => {
    checks += 1;
    schedule.begin();
    return Promise.resolve();
  };
  void schedule.leaveToPage(check).then(() => ended.push(name));
}

describe('after a navigation', () => {
  it('the worker looks for news when no page has for ten seconds', async () => {
    navigate('first');
    await clock.advance(9999);
    expect([checks, ended]).toEqual([0, []]);
    await clock.advance(1);
    expect([checks, ended]).toEqual([1, ['first']]);
  });

  it('its event ends as soon as a page looks', async () => {
    navigate('first');
    await clock.advance(1500);
    schedule.begin();
    await clock.advance(0);
    expect(ended).toEqual(['first']);
    await clock.advance(60_000);
    expect(checks).toBe(0);
  });

  it('a second one within these seconds waits for nothing of its own', async () => {
    navigate('first');
    await clock.advance(5000);
    navigate('second');
    await clock.advance(0);
    expect(ended).toEqual(['second']);
    await clock.advance(5000);
    expect([checks, ended]).toEqual([1, ['second', 'first']]);
  });

  it('nobody waits while no look will be due', async () => {
    schedule.begin();
    await clock.advance(49_999);
    navigate('early');
    await clock.advance(1);
    expect(ended).toEqual(['early']);
    navigate('late');
    await clock.advance(9999);
    expect(checks).toBe(0);
    await clock.advance(1);
    expect([checks, ended]).toEqual([1, ['early', 'late']]);
  });
});

it('a look is due once a minute, or as often as a page asks', async () => {
  expect(schedule.isDue()).toBe(true);
  schedule.begin();
  expect([schedule.isDue(), schedule.isDue(0)]).toEqual([false, true]);
  await clock.advance(60_000);
  expect(schedule.isDue()).toBe(true);
});
