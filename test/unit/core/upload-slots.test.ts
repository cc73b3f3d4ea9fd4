import { beforeEach, describe, expect, it } from 'vitest';
import { type UploadShare, type UploadSlot, UploadSlots } from '../../../src/core/upload-slots.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const CHUNK_BYTES = 64 * 1024;

let clock: VirtualClock;
let slots: UploadSlots;
/** Who sends, in the order in which they began. */
let begun: { readonly name: string; readonly slot: UploadSlot }[];

beforeEach(() => {
  clock = new VirtualClock();
  slots = new UploadSlots(clock);
  begun = [];
});

function ask(name: string, share: UploadShare = { servedBytes: 0 }): void {
  void slots.take(share, CHUNK_BYTES).then((slot) => begun.push({ name, slot }));
}

async function names(): Promise<string> {
  await clock.advance(0);
  return begun.map(({ name }) => name).join(' ');
}

describe('upload slots', () => {
  it('let three send at once, and another when one is done', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) ask(name);
    expect(await names()).toBe('a b c');
    begun[1]?.slot.release();
    begun[1]?.slot.release();
    expect(await names()).toBe('a b c d');
  });

  it('go to who was given the least', async () => {
    for (const name of ['a', 'b', 'c']) ask(name);
    ask('much', { servedBytes: 9 * CHUNK_BYTES });
    ask('little', { servedBytes: 7 * CHUNK_BYTES });
    ask('some', { servedBytes: 8 * CHUNK_BYTES });
    await names();
    for (let turn = 0; turn < 3; turn += 1) begun[turn]?.slot.release();
    expect(await names()).toBe('a b c little some much');
  });

  it('give a newcomer its first chunks before the others, and then as many as them', async () => {
    const old: UploadShare = { servedBytes: 1000 * CHUNK_BYTES };
    const other: UploadShare = { servedBytes: 1000 * CHUNK_BYTES };
    const fresh: UploadShare = { servedBytes: 0 };
    for (const name of ['x', 'y', 'z']) ask(name, { servedBytes: 1000 * CHUNK_BYTES });
    await names();
    const served: string[] = [];
    for (let turn = 0; turn < 12; turn += 1) {
      if (turn < 10) ask('fresh', fresh);
      ask('old', old);
      ask('other', other);
      begun[turn]?.slot.release();
      await names();
      served.push(begun.at(-1)?.name ?? '');
    }
    expect(served.slice(0, 4)).toEqual(Array.from({ length: 4 }, () => 'fresh'));
    expect(served.slice(4).filter((name) => name === 'fresh').length).toBeLessThanOrEqual(4);
    expect(served).toEqual(expect.arrayContaining(['old', 'other']));
  });

  it('do not wait for a chunk that takes longer than half a second', async () => {
    for (const name of ['a', 'b', 'c', 'd']) ask(name);
    await clock.advance(499);
    expect(await names()).toBe('a b c');
    await clock.advance(1);
    expect(await names()).toBe('a b c d');
    begun[0]?.slot.release();
    ask('e');
    ask('f');
    ask('g');
    expect(await names()).toBe('a b c d e f');
  });
});
