import { describe, expect, it } from 'vitest';
import { LeaderElection } from '../../../src/client/leader-election.ts';
import { FakeLocks } from './fake-locks.ts';

function tab(locks: FakeLocks, name: string, log: string[]): LeaderElection {
  return new LeaderElection(locks.manager, 'lock', {
    onElected: () => log.push(`${name} elected`),
    onLost: () => log.push(`${name} lost`),
    onFailed: () => log.push(`${name} failed`),
  });
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('LeaderElection', () => {
  it('elects one of three tabs, and the next one when the leader leaves', async () => {
    const locks = new FakeLocks();
    const log: string[] = [];
    const [first, second, third] = ['first', 'second', 'third'].map((name) => tab(locks, name, log));
    for (const each of [first, second, third]) each?.join();
    await settled();
    expect(log).toEqual(['first elected']);
    first?.leave();
    await settled();
    expect(log).toEqual(['first elected', 'first lost', 'second elected']);
    expect([first, second, third].map((each) => each?.leading)).toEqual([false, true, false]);
  });

  it('lets a tab that came back queue again behind the others', async () => {
    const locks = new FakeLocks();
    const log: string[] = [];
    const first = tab(locks, 'first', log);
    const second = tab(locks, 'second', log);
    first.join();
    second.join();
    await settled();
    first.leave();
    first.join();
    await settled();
    second.leave();
    await settled();
    expect(log).toEqual(['first elected', 'first lost', 'second elected', 'second lost', 'first elected']);
  });

  it('moves the lock to the tab that takes over, and the former leader waits for it again', async () => {
    const locks = new FakeLocks();
    const log: string[] = [];
    const silent = tab(locks, 'silent', log);
    const visible = tab(locks, 'visible', log);
    silent.join();
    visible.join();
    await settled();
    visible.takeOver();
    await settled();
    expect(log.sort()).toEqual(['silent elected', 'silent lost', 'visible elected']);
    expect([silent.leading, visible.leading, locks.waiting]).toEqual([false, true, 1]);
    visible.leave();
    await settled();
    expect(silent.leading).toBe(true);
  });

  it('does nothing when the leader is told to take over', async () => {
    const locks = new FakeLocks();
    const log: string[] = [];
    const leader = tab(locks, 'leader', log);
    leader.join();
    await settled();
    leader.takeOver();
    await settled();
    expect(log).toEqual(['leader elected']);
  });

  it('forgets a place in the queue when the tab goes to sleep', async () => {
    const locks = new FakeLocks();
    const log: string[] = [];
    const leader = tab(locks, 'leader', log);
    const sleeper = tab(locks, 'sleeper', log);
    leader.join();
    sleeper.join();
    await settled();
    sleeper.leave();
    leader.leave();
    await settled();
    expect(log).toEqual(['leader elected', 'leader lost']);
  });

  it('is not elected when it left before the grant arrived', async () => {
    const locks = new FakeLocks();
    const log: string[] = [];
    const tabs = [tab(locks, 'hasty', log), tab(locks, 'patient', log)];
    for (const each of tabs) each.join();
    tabs[0]?.leave();
    await settled();
    expect(log).toEqual(['patient elected']);
  });

  it('says so when the context has no locks', async () => {
    const log: string[] = [];
    const refused = { request: () => Promise.reject(new DOMException('opaque origin', 'SecurityError')) };
    const election = new LeaderElection(refused as never, 'lock', {
      onElected: () => log.push('elected'),
      onLost: () => log.push('lost'),
      onFailed: (cause) => log.push((cause as Error).name),
    });
    election.join();
    await settled();
    expect(log).toEqual(['SecurityError']);
  });
});
