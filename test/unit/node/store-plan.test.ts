import { describe, expect, it } from 'vitest';
import { planStore } from '../../../src/node/store-plan.ts';
import { tinyRelease } from '../../fakes/tiny-release.ts';

const BLOCK = 4096;

/** A release of so many chunks of 100 bytes, each a block on the disk, all different. */
function release(sequence: number, chunkCount: number) {
  const bytes = new Uint8Array(chunkCount * 100).map((_, index) => Math.floor(index / 100) * 7 + sequence);
  const files = new Map([['data.bin', bytes]]);
  const { manifest } = tinyRelease({ sequence, files, chunkBytes: 100, chunksPerPack: 4, deflate: false });
  return { manifest, ids: manifest.packs.flatMap(({ chunks }) => chunks.map(({ id }) => id)) };
}

const older = release(1, 3);
const newer = release(2, 5);
const diskBytesOf = () => BLOCK;

describe('the plan of a store', () => {
  it('without a limit fetches what is missing, keeps both releases and drops what neither names', () => {
    const held = new Set([...older.ids, ...newer.ids.slice(0, 2), 'f'.repeat(64)]);
    const plan = planStore({
      held,
      diskBytesOf,
      limitBytes: undefined,
      newest: newer.manifest,
      previous: older.manifest,
    });
    expect([...plan.keep].sort()).toEqual([...older.ids, ...newer.ids.slice(0, 2)].sort());
    expect([...plan.fetch]).toEqual(newer.ids.slice(2));
    expect(plan.drop).toEqual(['f'.repeat(64)]);
    expect(plan.unfitCount).toBe(0);
  });

  it('gives up the previous release first, and of it no more than it must', () => {
    const held = new Set(older.ids);
    const plan = planStore({
      held,
      diskBytesOf,
      limitBytes: 7 * BLOCK,
      newest: newer.manifest,
      previous: older.manifest,
    });
    expect([...plan.fetch]).toEqual(newer.ids);
    expect(plan.drop).toEqual(older.ids.slice(2));
    expect(plan.unfitCount).toBe(0);
  });

  it('with a limit below the release keeps what is there and fetches in the published order what fits', () => {
    const held = new Set([newer.ids[4] as string]);
    const plan = planStore({ held, diskBytesOf, limitBytes: 3 * BLOCK, newest: newer.manifest, previous: undefined });
    expect([...plan.keep]).toEqual([newer.ids[4]]);
    expect([...plan.fetch]).toEqual(newer.ids.slice(0, 2));
    expect(plan.unfitCount).toBe(2);
    const next = planStore({
      held: new Set([...plan.keep, ...plan.fetch]),
      diskBytesOf,
      limitBytes: 3 * BLOCK,
      newest: newer.manifest,
      previous: undefined,
    });
    expect([next.fetch.size, next.drop.length]).toEqual([0, 0]);
  });

  it('drops chunks of the newest release when the limit was lowered', () => {
    const held = new Set(newer.ids);
    const plan = planStore({ held, diskBytesOf, limitBytes: 2 * BLOCK, newest: newer.manifest, previous: undefined });
    expect([plan.keep.size, plan.fetch.size, plan.drop.length, plan.unfitCount]).toEqual([2, 0, 3, 3]);
  });
});
