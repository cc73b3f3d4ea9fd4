import { expect, it } from 'vitest';
import { StunChecks } from '../../../src/platform/stun-checks.ts';

it('gives the mean of the checks of a path since it was last asked about that path', () => {
  const checks = new StunChecks();
  const ask = (id: string, totalRoundTripTime: number, responsesReceived: number) =>
    checks.roundTripMs({ id, totalRoundTripTime, responsesReceived });
  expect(checks.roundTripMs({ id: 'wlan' })).toBeUndefined();
  expect(ask('wlan', 0.25, 2)).toBe(125);
  expect(ask('wlan', 0.25, 2)).toBeUndefined();
  expect(ask('wlan', 0.5, 3)).toBe(250);
  // Its totals are its own, and smaller.
  expect(ask('cable', 0.0625, 1)).toBe(62.5);
  expect(ask('wlan', 0.75, 4)).toBe(250);
});
