import { describe, expect, it } from 'vitest';
import { RecentChunks } from '../../../src/core/recent-chunks.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const MIB = 1024 * 1024;

function chunk(bytes = 1): { encoding: 'identity'; bytes: Uint8Array } {
  return { encoding: 'identity', bytes: new Uint8Array(bytes) };
}

describe('recent chunks', () => {
  it('are kept for half a minute after their last use', async () => {
    const clock = new VirtualClock();
    const recent = new RecentChunks(clock, 64 * MIB);
    recent.add('a', chunk());
    recent.add('b', chunk());
    await clock.advance(20_000);
    expect(recent.get('a')).toBeDefined();
    await clock.advance(15_000);
    expect(recent.get('b')).toBeUndefined();
    expect(recent.get('a')).toBeDefined();
    await clock.advance(30_000);
    expect(recent.get('a')).toBeUndefined();
  });

  it('make room for newer ones at their limit, the least recently used first', () => {
    const recent = new RecentChunks(new VirtualClock(), 64 * MIB);
    for (const id of ['a', 'b', 'c', 'd']) recent.add(id, chunk(16 * MIB));
    recent.get('a');
    recent.add('e', chunk(1));
    expect(['a', 'b', 'c', 'd', 'e'].filter((id) => recent.get(id) !== undefined)).toEqual(['a', 'c', 'd', 'e']);
  });

  it('count a chunk once that is added again, and leave no timer behind when they end', async () => {
    const clock = new VirtualClock();
    const recent = new RecentChunks(clock, 64 * MIB);
    for (let time = 0; time < 100; time += 1) recent.add('a', chunk(MIB));
    recent.add('b', chunk(MIB));
    expect(recent.get('a')).toBeDefined();
    recent.close();
    await clock.advance(60_000);
    expect(recent.get('a')).toBeUndefined();
  });
});
