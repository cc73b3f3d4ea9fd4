import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LoadedRelease, ReleaseOutcome, RenewedPointer } from '../../../src/platform/release-source.ts';
import { decodeUses, FIGURES_RECORD, MAX_UNUSED_MS } from '../../../src/protocol/figures-record.ts';
import { encodeManifest } from '../../../src/protocol/manifest.ts';
import type { Pointer } from '../../../src/protocol/pointer.ts';
import { noTraffic } from '../../../src/protocol/traffic.ts';
import { DocumentHeaders } from '../../../src/sw/document-headers.ts';
import { NO_RELEASE, Pins } from '../../../src/sw/pins.ts';
import { Releases } from '../../../src/sw/releases.ts';
import { StatusBoard } from '../../../src/sw/status-board.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { syncDigest } from '../../fakes/sync-digest.ts';
import { tinyRelease } from '../../fakes/tiny-release.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { MemoryRecords } from './memory-records.ts';

/** A release whose pointer is its JSON: what a signature proves is tested with the platform. */
async function release(sequence: number, minimumSequence = 0, expires = 0): Promise<LoadedRelease> {
  const files = new Map([['index.html', Uint8Array.of(sequence)]]);
  const { manifest } = tinyRelease({ sequence, files, chunkBytes: 8, chunksPerPack: 8, deflate: false });
  const manifestBytes = encodeManifest(manifest);
  const manifestHash = await syncDigest().sha256(manifestBytes);
  const { app, channel } = manifest;
  const pointer = {
    app,
    channel,
    sequence,
    created: 0,
    expires,
    minimumSequence,
    manifestHash,
    manifestBytes: manifestBytes.length,
  };
  return { pointer, manifest, manifestBytes, pointerBytes: new TextEncoder().encode(JSON.stringify(pointer)) };
}

function outcomeOf(found: LoadedRelease | RenewedPointer | undefined): ReleaseOutcome {
  if (!found) return { outcome: 'no-news' };
  return 'manifest' in found ? { outcome: 'new', ...found } : { outcome: 'renewed', ...found };
}

describe('the releases', () => {
  const open = async (
    records: MemoryRecords,
    found: (LoadedRelease | RenewedPointer)[] = [],
    probePacks: () => Promise<void> = () => Promise.resolve(),
  ) => {
    let changes = 0;
    const store = new MemoryStore();
    const releases = new Releases(
      {
        ...{ records: records.open(), digest: syncDigest(), store },
        verifyPointer: (bytes) => Promise.resolve(JSON.parse(new TextDecoder().decode(bytes)) as Pointer),
        loadRelease: () => Promise.resolve(outcomeOf(found.shift())),
        probePacks,
      },
      () => {
        changes += 1;
      },
    );
    await releases.open();
    return { releases, store, changes: () => changes };
  };
  const sequences = (releases: Releases) => releases.known.map(({ manifest }) => manifest.sequence);

  it('make the first one active at once, and keep it', async () => {
    const records = new MemoryRecords();
    const { releases, changes } = await open(records, [await release(1)]);
    expect(releases.active).toBeUndefined();
    expect(await releases.check()).toBe(true);
    expect(await releases.check()).toBe(false);
    expect(releases.active?.manifest.sequence).toBe(1);
    expect(changes()).toBe(1);
    const again = await open(records);
    expect(again.releases.active?.manifest.sequence).toBe(1);
  });

  it('take none for the first one while its packs are not there', async () => {
    const records = new MemoryRecords();
    let areThere = false;
    const probe = () => (areThere ? Promise.resolve() : Promise.reject(new Error('packs are missing')));
    const { releases } = await open(records, [await release(1), await release(1)], probe);
    await expect(releases.check()).rejects.toThrow('packs are missing');
    expect(releases.known).toEqual([]);
    areThere = true;
    expect(await releases.check()).toBe(true);
    expect(releases.active?.manifest.sequence).toBe(1);
  });

  it('let a newer one wait until it is staged and activated, over restarts of the worker', async () => {
    const records = new MemoryRecords();
    const first = await open(records, [await release(1), await release(2)]);
    await first.releases.check();
    await first.releases.check();
    expect(first.releases.active?.manifest.sequence).toBe(1);
    const second = await open(records);
    expect(sequences(second.releases)).toEqual([2, 1]);
    expect(await second.releases.activate()).toBe(false);
    await second.releases.stage();
    const { releases } = await open(records);
    expect([releases.active?.manifest.sequence, releases.isNextStaged]).toEqual([1, true]);
    expect(await releases.activate()).toBe(true);
    expect(releases.active?.manifest.sequence).toBe(2);
    expect(releases.next).toBeUndefined();
    // The old one stays for the pages that have it.
    expect(sequences((await open(records)).releases)).toEqual([2, 1]);
  });

  it('are what they were or what they become, wherever the worker dies on the way', async () => {
    // Every write to the database, in turn, is the last thing that happens.
    for (let survivors = 0; ; survivors += 1) {
      const records = new MemoryRecords();
      records.writesLeft = survivors;
      const { releases } = await open(records, [await release(1), await release(2), await release(3)]);
      await releases.check();
      await releases.check();
      await releases.stage();
      await releases.activate();
      await releases.check();
      await releases.dropUnpinned(new Set());
      const after = (await open(records)).releases;
      const states = ['', '1 of 1', '1 of 2,1', '1 of 2,1 staged', '2 of 2,1', '2 of 3,2,1', '2 of 3,2'];
      const { active, isNextStaged: isStaged } = after;
      const state = active
        ? `${active.manifest.sequence} of ${sequences(after).join()}${isStaged ? ' staged' : ''}`
        : '';
      expect(state).toBe(states[survivors]);
      if (survivors === states.length - 1) break;
    }
  });

  it('pass over one that still waits when a newer one is found, and delete what only that one has', async () => {
    const { releases, store } = await open(new MemoryRecords(), [await release(1), await release(2), await release(3)]);
    await releases.check();
    await releases.check();
    await releases.stage();
    const idsOf = ({ manifest }: LoadedRelease) => manifest.packs.flatMap(({ chunks }) => chunks.map(({ id }) => id));
    const [one, two] = await Promise.all([release(1), release(2)]);
    const chunks = [one, two].flatMap(idsOf);
    await store.put(new Map(chunks.map((id) => [id, { encoding: 'identity', bytes: Uint8Array.of(1) }])));
    await releases.check();
    expect(sequences(releases)).toEqual([3, 1]);
    expect(releases.isNextStaged).toBe(false);
    expect(await store.list()).toEqual(idsOf(one));
  });

  it('let go of old ones that nobody is pinned to', async () => {
    const { releases } = await open(new MemoryRecords(), [await release(1), await release(2), await release(3)]);
    for (let count = 0; count < 3; count += 1) {
      await releases.check();
      await releases.stage();
      await releases.activate();
    }
    expect(sequences(releases)).toEqual([3, 2, 1]);
    await releases.dropUnpinned(new Set([1, 3]));
    expect(sequences(releases)).toEqual([3, 1]);
    expect(releases.find(1)?.manifest.sequence).toBe(1);
    await releases.dropUnpinned(new Set());
    expect(sequences(releases)).toEqual([3]);
  });

  it('drop one that a newer pointer has withdrawn within one check: record, chunks and all', async () => {
    const records = new MemoryRecords();
    const bad = await release(2);
    const { releases, store } = await open(records, [await release(1), bad, await release(3, 3)]);
    await releases.check();
    await releases.check();
    expect(sequences(releases)).toEqual([2, 1]);
    const [one, two, three] = await Promise.all([release(1), release(2), release(3, 3)]);
    const idsOf = ({ manifest }: LoadedRelease) => manifest.packs.flatMap(({ chunks }) => chunks.map(({ id }) => id));
    const chunks = [one, two, three].flatMap(idsOf);
    await store.put(new Map(chunks.map((id) => [id, { encoding: 'identity', bytes: Uint8Array.of(1) }])));
    await releases.check();
    expect(sequences(releases)).toEqual([3]);
    expect(releases.active?.manifest.sequence).toBe(3);
    expect(await store.list()).toEqual(idsOf(three));
    expect(sequences((await open(records)).releases)).toEqual([3]);
  });

  it('keep the active one when only an older one is withdrawn', async () => {
    const { releases } = await open(new MemoryRecords(), [await release(2), await release(3, 2)]);
    await releases.check();
    await releases.check();
    expect(releases.active?.manifest.sequence).toBe(2);
    expect(sequences(releases)).toEqual([3, 2]);
  });

  it('keep a pointer that was signed again, of the active and of the waiting one', async () => {
    const records = new MemoryRecords();
    const renewed = async (sequence: number): Promise<RenewedPointer> => {
      const { pointer, pointerBytes } = await release(sequence, 0, 99);
      return { pointer, pointerBytes };
    };
    const found = [await release(1), await renewed(1), await release(2), await renewed(2)];
    const { releases } = await open(records, found);
    expect(await releases.check()).toBe(true);
    expect(await releases.check()).toBe(false);
    expect((await open(records)).releases.active?.pointer).toMatchObject({ sequence: 1, expires: 99 });
    expect(await releases.check()).toBe(true);
    expect(await releases.check()).toBe(false);
    expect((await open(records)).releases.known.map(({ pointer }) => pointer.expires)).toEqual([99, 99]);
  });

  it('drop a record that is damaged', async () => {
    const records = new MemoryRecords();
    const first = await open(records, [await release(1)]);
    await first.releases.check();
    const { releases: list } = records.entries.get('releases') as { releases: { manifest: Uint8Array }[] };
    const manifest = list[0]?.manifest ?? new Uint8Array();
    manifest[10] = (manifest[10] ?? 0) ^ 1;
    expect((await open(records)).releases.active).toBeUndefined();
    records.entries.set('releases', 'nonsense');
    expect((await open(records)).releases.active).toBeUndefined();
  });

  it('work without a database for as long as the worker lives', async () => {
    const records = new MemoryRecords();
    records.isBroken = true;
    const { releases } = await open(records, [await release(1)]);
    await releases.check();
    expect(releases.active?.manifest.sequence).toBe(1);
  });
});

describe('the headers of documents', () => {
  const file = (path: string, hash = 'a') => ({
    path,
    plainBytes: 0,
    hash,
    mediaType: 'text/html',
    headerSet: 0,
    runs: [],
  });
  const csp = ['content-security-policy', "default-src 'self'"] as const;
  const away = () => Promise.reject(new Error('away'));

  it('are asked for once per version, and remembered over restarts', async () => {
    const records = new MemoryRecords();
    let asked = 0;
    const load = () => {
      asked += 1;
      return Promise.resolve(new Headers([[...csp]]));
    };
    const first = new DocumentHeaders(records.open(), load);
    expect(await first.of(file('a.html'), [])).toEqual([csp]);
    const second = new DocumentHeaders(records.open(), load);
    await second.open();
    expect(await second.of(file('a.html'), [])).toEqual([csp]);
    expect(asked).toBe(1);
    await second.of(file('a.html', 'b'), []);
    expect(asked).toBe(2);
  });

  it("are the release's own where it has some, with what the server was seen to add", async () => {
    const headers = new DocumentHeaders(new MemoryRecords().open(), away);
    const own = [['x-frame-options', 'DENY']] as const;
    expect(await headers.of(file('a.html'), own)).toEqual(own);
    await headers.saveHeaders(file('a.html'), new Headers([[...csp], ['x-frame-options', 'SAMEORIGIN']]));
    expect(await headers.of(file('a.html'), own)).toEqual([...own, csp]);
  });

  it('are those of a close relative when the server is away, and unknown without one', async () => {
    const headers = new DocumentHeaders(new MemoryRecords().open(), away);
    expect(await headers.of(file('a.html'), [])).toBeUndefined();
    await headers.saveHeaders(file('b.html'), new Headers([[...csp], ['link', '</b.css>; rel=preload']]));
    expect(await headers.of(file('a.html'), [])).toEqual([csp]);
  });
});

describe('the pins', () => {
  const ABSENCE_MS = 100 * 60 * 1000;
  beforeEach(() => void vi.useFakeTimers({ now: 0, toFake: ['Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('are remembered over restarts, also those that came while the record was read', async () => {
    const records = new MemoryRecords();
    await new Pins(records.open()).set('a', 1);
    await new Pins(records.open()).set('b', NO_RELEASE);
    const third = new Pins(records.open());
    await third.opened;
    expect(['a', 'b', 'c'].map((id) => third.get(id))).toEqual([1, NO_RELEASE, undefined]);
  });

  it('do not include requests without a client', async () => {
    const pins = new Pins(new MemoryRecords().open());
    await pins.set('', 1);
    expect(pins.get('')).toBeUndefined();
  });

  it('die after 100 minutes of absence, and not before', async () => {
    const pins = new Pins(new MemoryRecords().open());
    await pins.set('here', 1);
    await pins.set('away', 2);
    vi.setSystemTime(ABSENCE_MS - 1);
    expect([...pins.refresh([{ id: 'here' }])]).toEqual([1, 2]);
    vi.setSystemTime(ABSENCE_MS);
    expect([...pins.refresh([{ id: 'here' }])]).toEqual([1]);
    expect(pins.get('away')).toBeUndefined();
    vi.setSystemTime(10 * ABSENCE_MS);
    expect([...pins.refresh([{ id: 'here' }])]).toEqual([1]);
  });

  it('live on with each word of their page, also in the next life of the worker', async () => {
    const records = new MemoryRecords();
    await new Pins(records.open()).set('cached', 1);
    vi.setSystemTime(ABSENCE_MS - 1);
    const second = new Pins(records.open());
    await second.opened;
    await second.set('cached', 1);
    vi.setSystemTime(2 * ABSENCE_MS - 2);
    const third = new Pins(records.open());
    await third.opened;
    expect([...third.refresh([])]).toEqual([1]);
  });
});

describe('the status', () => {
  const traffic = (origin: number) => {
    const delta = noTraffic();
    delta.plain.origin = origin;
    return delta;
  };

  it('is published at most every 200 ms', async () => {
    const clock = new VirtualClock();
    const published: number[] = [];
    const board = new StatusBoard(clock, new MemoryRecords().open(), (status) =>
      published.push(status.traffic.plain.origin),
    );
    for (let count = 0; count < 10; count += 1) board.addTraffic(traffic(1));
    await clock.advance(200);
    expect(published).toEqual([10]);
    board.set({ peers: 2 });
    await clock.advance(1000);
    expect(published).toEqual([10, 10]);
  });

  it('adds up over restarts of the worker', async () => {
    const clock = new VirtualClock();
    const records = new MemoryRecords();
    const first = new StatusBoard(clock, records.open(), () => undefined);
    first.addTraffic(traffic(5));
    await clock.advance(1000);
    const second = new StatusBoard(clock, records.open(), () => undefined);
    second.addTraffic(traffic(2));
    await second.open();
    expect(second.current.traffic.plain.origin).toBe(7);
  });

  it('comes with the uses of files in the last month, over restarts too, in one write a second', async () => {
    vi.useFakeTimers({ now: 0, toFake: ['Date'] });
    try {
      const clock = new VirtualClock();
      const records = new MemoryRecords();
      records.writesLeft = 2;
      const uses = (): unknown => [...(decodeUses(records.entries.get(FIGURES_RECORD)) ?? [])];
      const life = async (nowMs: number, paths: readonly string[]): Promise<void> => {
        vi.setSystemTime(nowMs);
        const board = new StatusBoard(clock, records.open(), () => undefined);
        await board.open();
        for (const path of paths) board.noteUse(path);
        await clock.advance(1000);
      };
      await life(1, ['a', 'b', 'a']);
      expect(uses()).toEqual([
        ['a', 1],
        ['b', 1],
      ]);
      await life(MAX_UNUSED_MS, ['b']);
      expect(uses()).toEqual([
        ['a', 1],
        ['b', MAX_UNUSED_MS],
      ]);
      records.writesLeft = 1;
      await life(MAX_UNUSED_MS + 1, ['c']);
      expect(uses()).toEqual([
        ['b', MAX_UNUSED_MS],
        ['c', MAX_UNUSED_MS + 1],
      ]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('begins anew where its record is damaged', async () => {
    const records = new MemoryRecords();
    records.entries.set(FIGURES_RECORD, { plain: 'much', used: 'often' });
    const board = new StatusBoard(new VirtualClock(), records.open(), () => undefined);
    await board.open();
    expect(board.current.traffic).toEqual(noTraffic());
    expect(decodeUses(records.entries.get(FIGURES_RECORD))).toBeUndefined();
  });
});
