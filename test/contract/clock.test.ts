import { describe, it } from 'vitest';
import { systemClock } from '../../src/platform/system-clock.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';
import { clockContract } from './clock-contract.ts';

describe('the virtual clock', () => {
  it.each(clockContract)('$name', async ({ run }) => {
    const clock = new VirtualClock();
    await run({ clock, pass: (milliseconds) => clock.advance(milliseconds) });
  });
});

describe('the system clock', () => {
  it.each(clockContract)('$name', async ({ run }) => {
    const pass = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
    await run({ clock: systemClock(), pass });
  });
});
