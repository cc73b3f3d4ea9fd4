import { describe, expect, it, onTestFinished } from 'vitest';
import { PauseSwitch } from '../../../src/client/pause-switch.ts';

/** Tabs over real broadcast channels, each with a promise of its next change. */
function tab(name: string): { readonly pause: PauseSwitch; changed(): Promise<boolean> } {
  const changes: boolean[] = [];
  let wake = (): void => undefined;
  const pause = new PauseSwitch(name, (paused) => {
    changes.push(paused);
    wake();
  });
  pause.wake();
  onTestFinished(() => pause.sleep());
  const changed = async (): Promise<boolean> => {
    for (;;) {
      const next = changes.shift();
      if (next !== undefined) return next;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { pause, changed };
}

describe('PauseSwitch', () => {
  it('pauses and resumes the other tabs', async () => {
    const one = tab('pause one');
    const two = tab('pause one');
    one.pause.set(true);
    expect(await two.changed()).toBe(true);
    two.pause.set(false);
    expect([await one.changed(), await one.changed()]).toEqual([true, false]);
  });

  it('tells a new tab that the app is paused', async () => {
    tab('pause two').pause.set(true);
    expect(await tab('pause two').changed()).toBe(true);
  });

  it('tells a tab that slept what it missed', async () => {
    const [sleeper, other] = [tab('pause three'), tab('pause three')];
    sleeper.pause.set(true);
    expect(await other.changed()).toBe(true);
    sleeper.pause.sleep();
    other.pause.set(false);
    sleeper.pause.wake();
    expect([await sleeper.changed(), await sleeper.changed()]).toEqual([true, false]);
  });
});
