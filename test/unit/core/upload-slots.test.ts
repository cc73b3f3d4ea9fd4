import { beforeEach, describe, expect, it } from 'vitest';
import { type UploadShare, type UploadSlot, UploadSlots } from '../../../src/core/upload-slots.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const CHUNK_BYTES = 64 * 1024;

let clock: VirtualClock;
let slots: UploadSlots;
let firstCopies: Set<string>;
/** Who sends, in the order in which they began. */
let begun: { readonly name: string; readonly slot: UploadSlot }[];

beforeEach(() => {
  clock = new VirtualClock();
  firstCopies = new Set();
  slots = new UploadSlots(clock, firstCopies);
  begun = [];
});

/** Of a peer that has as much as the others. */
function shareOf(servedBytes: number): UploadShare {
  return { servedBytes, servedChunks: 0, heldChunks: () => 1000 };
}

function ask(name: string, share = shareOf(0)): void {
  void slots.take(share, name, CHUNK_BYTES).then((slot) => begun.push({ name, slot }));
}

async function names(): Promise<string> {
  await clock.advance(0);
  return begun.map(({ name }) => name).join(' ');
}

describe('upload slots', () => {
  it('let one send, and another when it is done', async () => {
    for (const name of ['a', 'b', 'c']) ask(name);
    expect(await names()).toBe('a');
    begun[0]?.slot.release();
    begun[0]?.slot.release();
    expect(await names()).toBe('a b');
  });

  it('go to who was given the least', async () => {
    ask('a');
    ask('much', shareOf(9 * CHUNK_BYTES));
    ask('little', shareOf(7 * CHUNK_BYTES));
    ask('some', shareOf(8 * CHUNK_BYTES));
    await names();
    for (let turn = 0; turn < 3; turn += 1) {
      begun[turn]?.slot.release();
      await names();
    }
    expect(await names()).toBe('a little some much');
  });

  it('give a newcomer its first chunks before the others, and then as many as them', async () => {
    const old = shareOf(1000 * CHUNK_BYTES);
    const other = shareOf(1000 * CHUNK_BYTES);
    const fresh = shareOf(0);
    ask('x', shareOf(1000 * CHUNK_BYTES));
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

  it('give more to a peer that has less, up to four times as much, but not to one that does not tell what it was given', async () => {
    const shares: Record<string, UploadShare> = {
      poor: { servedBytes: 0, servedChunks: 0, heldChunks: () => 100 },
      rich: { servedBytes: 0, servedChunks: 0, heldChunks: () => 2000 },
      silent: { servedBytes: 0, servedChunks: 1, heldChunks: () => 0 },
    };
    const turns: Record<string, number> = { poor: 0, rich: 0, silent: 0 };
    ask('x');
    for (const [name, share] of Object.entries(shares)) ask(name, share);
    for (let turn = 0; turn < 60; turn += 1) {
      await names();
      begun[turn]?.slot.release();
      await names();
      const { name = '' } = begun.at(-1) ?? {};
      turns[name] = (turns[name] ?? 0) + 1;
      ask(name, shares[name]);
    }
    const { poor = 0, rich = 0, silent = 0 } = turns;
    expect(poor / silent).toBeGreaterThan(3);
    expect(poor / silent).toBeLessThan(5);
    expect(rich).toBeGreaterThan(0);
    expect(silent).toBeGreaterThan(rich);
  });

  it('wait longer for a chunk where all of them take long', async () => {
    for (let turn = 0; turn < 30; turn += 1) {
      ask('slow');
      await clock.advance(400);
      begun[turn]?.slot.release();
    }
    for (const name of ['a', 'b']) ask(name);
    await clock.advance(1000);
    expect(begun.at(-1)?.name).toBe('a');
    await clock.advance(250);
    expect(begun.at(-1)?.name).toBe('b');
  });

  it('do not wait for a chunk that takes longer than three seconds', async () => {
    for (const name of ['a', 'b']) ask(name);
    await clock.advance(2999);
    expect(await names()).toBe('a');
    await clock.advance(1);
    expect(await names()).toBe('a b');
    begun[0]?.slot.release();
    ask('c');
    expect(await names()).toBe('a b');
    begun[1]?.slot.release();
    expect(await names()).toBe('a b c');
  });

  it('do not wait for one that takes longer than half a second where others are quick', async () => {
    for (let turn = 0; turn < 30; turn += 1) {
      ask(`quick ${turn}`);
      await names();
      begun.at(-1)?.slot.release();
    }
    begun = [];
    for (const name of ['a', 'b']) ask(name);
    await clock.advance(499);
    expect(await names()).toBe('a');
    await clock.advance(1);
    expect(await names()).toBe('a b');
  });

  it('go to what nobody else can give first, once', async () => {
    firstCopies.add('only here');
    ask('a');
    ask('poor', shareOf(0));
    ask('only here', shareOf(9 * CHUNK_BYTES));
    ask('only here', shareOf(8 * CHUNK_BYTES));
    await names();
    for (let turn = 0; turn < 3; turn += 1) {
      begun[turn]?.slot.release();
      await names();
    }
    expect(await names()).toBe('a only here poor only here');
    expect(firstCopies.size).toBe(0);
  });
});
