import { describe, expect, it, onTestFinished } from 'vitest';
import type { PauseScope } from '../../../src/client/api.ts';
import { PauseSwitch } from '../../../src/client/pause-switch.ts';

/** Tabs over real broadcast channels, each with a promise of its next change. */
function tab(name: string): { readonly pause: PauseSwitch; changed(): Promise<PauseScope | null> } {
  const changes: (PauseScope | null)[] = [];
  let wake = (): void => undefined;
  const pause = new PauseSwitch(name, () => {
    changes.push(pause.paused);
    wake();
  });
  pause.wake();
  onTestFinished(() => pause.sleep());
  const changed = async (): Promise<PauseScope | null> => {
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
    one.pause.set('all');
    expect(await two.changed()).toBe('all');
    two.pause.set('uploads');
    expect([await one.changed(), await one.changed()]).toEqual(['all', 'uploads']);
    one.pause.set(null);
    expect([await two.changed(), await two.changed()]).toEqual(['uploads', null]);
  });

  it('tells a new tab that the app is paused', async () => {
    tab('pause two').pause.set('uploads');
    expect(await tab('pause two').changed()).toBe('uploads');
  });

  it('tells a tab that slept what it missed', async () => {
    const [sleeper, other] = [tab('pause three'), tab('pause three')];
    sleeper.pause.set('all');
    expect(await other.changed()).toBe('all');
    sleeper.pause.sleep();
    other.pause.set(null);
    sleeper.pause.wake();
    expect([await sleeper.changed(), await sleeper.changed()]).toEqual(['all', null]);
  });

  it('tells the others what it was told before it was awake', async () => {
    const other = tab('pause four');
    const early = new PauseSwitch('pause four', () => undefined);
    onTestFinished(() => early.sleep());
    early.set('uploads');
    early.wake();
    expect(await other.changed()).toBe('uploads');
    expect(early.paused).toBe('uploads');
  });
});
