import { describe, expect, it } from 'vitest';
import { evictions, storeLimit } from '../../../src/client/cache-policy.ts';
import { MAX_UNUSED_MS } from '../../../src/protocol/figures-record.ts';
import type { ChunkId } from '../../../src/protocol/identifier.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { type TinyRelease, tinyRelease } from '../../fakes/tiny-release.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

const random = new SeededRandom(7);

function release(sequence: number, files: ReadonlyMap<string, Uint8Array>, previous?: TinyRelease): TinyRelease {
  const options = { sequence, files, chunkBytes: 100 * KIB, chunksPerPack: 100, deflate: false };
  return tinyRelease(previous === undefined ? options : { ...options, previous });
}

const shared = random.bytes(300 * KIB);
const old = release(
  1,
  new Map([
    ['old.bin', random.bytes(300 * KIB)],
    ['shared.bin', shared],
  ]),
);
const next = release(
  2,
  new Map([
    ['new.bin', random.bytes(400 * KIB)],
    ['shared.bin', shared],
  ]),
  old,
);
const [oldIds, sharedIds, newIds] = [idsOf(old, 'old.bin'), idsOf(old, 'shared.bin'), idsOf(next, 'new.bin')];

function idsOf({ manifest }: TinyRelease, path: string): ChunkId[] {
  return manifest.files
    .filter((file) => file.path === path)
    .flatMap(({ runs }) =>
      runs.flatMap(({ pack, first, count }) =>
        (manifest.packs[pack]?.chunks ?? []).slice(first, first + count).map(({ id }) => id),
      ),
    );
}

const facts = {
  manifests: [next.manifest, old.manifest],
  stored: new Set([...oldIds, ...sharedIds, ...newIds]),
  formerOrphans: new Set<ChunkId>(),
  limitBytes: GIB,
  copiesOf: () => 0,
  uses: undefined,
  nowMs: 0,
};

describe('what the store lets go of', () => {
  it('is nothing while it is within its limit', () => {
    expect(evictions(facts)).toEqual({ evicted: [], orphans: new Set() });
  });

  it('is what only older releases have before what the newest has', () => {
    expect(new Set(evictions({ ...facts, limitBytes: 900 * KIB }).evicted)).toEqual(new Set(oldIds.slice(0, 2)));
    const { evicted } = evictions({ ...facts, limitBytes: 600 * KIB });
    expect(new Set(evicted.slice(0, 3))).toEqual(new Set(oldIds));
    // Below the limit by a tenth: the next chunk that comes has room.
    expect(evicted).toHaveLength(5);
  });

  it('is what many peers have before what is rare, which goes last', () => {
    const [rare, common, everywhere] = newIds;
    const copies = new Map([
      [rare, 0],
      [common, 2],
      [everywhere, 5],
    ]);
    const copiesOf = (id: ChunkId): number => copies.get(id) ?? 1;
    const { evicted } = evictions({ ...facts, stored: new Set(newIds), limitBytes: 250 * KIB, copiesOf });
    expect(evicted.slice(0, 2)).toEqual([everywhere, common]);
    expect(evicted).not.toContain(rare);
  });

  it('is what no release has, at the second look only: it may be of a release that is just arriving', () => {
    const lost = 'ab'.repeat(32);
    const stored = new Set([...facts.stored, lost]);
    const first = evictions({ ...facts, stored });
    expect(first).toEqual({ evicted: [], orphans: new Set([lost]) });
    expect(evictions({ ...facts, stored, formerOrphans: first.orphans })).toEqual({
      evicted: [lost],
      orphans: new Set(),
    });
  });

  it('is all that it can be when there is no room at all', () => {
    expect(evictions({ ...facts, limitBytes: 0 }).evicted).toHaveLength(10);
  });
});

describe('of files that no update waits for, the store lets go of', () => {
  const nowMs = 400 * MAX_UNUSED_MS;
  const files = new Map(['eager', 'idle', 'used'].map((name) => [`${name}.bin`, random.bytes(200 * KIB)]));
  // Both are lazy, and their first chunks are the same as a chunk of an eager one.
  files.get('idle.bin')?.set(files.get('eager.bin')?.subarray(0, 100 * KIB) ?? []);
  const { manifest } = release(3, files, next);
  const settings = JSON.stringify({ lazy: ['^(?:idle|used)\\.bin$'] });
  const lazy = { manifest: { ...manifest, settings }, packs: new Map(), files };
  const [ofEager, ofIdle, ofUsed] = [idsOf(lazy, 'eager.bin'), idsOf(lazy, 'idle.bin'), idsOf(lazy, 'used.bin')];
  const stored = new Set([...ofEager, ...ofIdle, ...ofUsed]);
  const uses = new Map([
    ['idle.bin', nowMs - MAX_UNUSED_MS - 1],
    ['used.bin', nowMs - MAX_UNUSED_MS],
  ]);
  const month = { ...facts, manifests: [lazy.manifest], stored, uses, nowMs };
  /** At the second look. */
  const goes = (changes: Partial<typeof month>): readonly ChunkId[] => {
    const look = { ...month, ...changes };
    return evictions({ ...look, formerOrphans: evictions(look).orphans }).evicted;
  };

  it('what was not used for a month, but for what others share, and at the second look', () => {
    expect(ofIdle[0]).toBe(ofEager[0]);
    expect(evictions(month).evicted).toEqual([]);
    expect(goes({})).toEqual([ofIdle[1]]);
  });

  it('what nobody has noted a use of, once uses are noted at all', () => {
    expect(new Set(goes({ uses: new Map() }))).toEqual(new Set([ofIdle[1], ...ofUsed]));
    expect(evictions({ ...month, uses: undefined }).orphans).toEqual(new Set());
  });

  it('nothing where a clock was set back: a use that is to come is a use', () => {
    expect(goes({ nowMs: 0 })).toEqual([]);
  });

  it('nothing that an older release has: its pages may still want it', () => {
    const older = { ...lazy.manifest, sequence: 2, settings: '{}' };
    expect(goes({ manifests: [lazy.manifest, older] })).toEqual([]);
  });
});

describe('the limit of the store', () => {
  it('is half of what the browser gives, and 4 GiB at most', () => {
    expect(storeLimit(300 * MIB)).toBe(150 * MIB);
    expect(storeLimit(100 * GIB)).toBe(4 * GIB);
    expect(storeLimit(undefined)).toBe(4 * GIB);
  });
});
