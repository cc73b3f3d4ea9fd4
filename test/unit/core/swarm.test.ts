import { describe, expect, it } from 'vitest';
import { OriginError, StoreError } from '../../../src/core/errors.ts';
import { NODE_POLICY, policyFor, type SwarmPolicy, TAB_POLICY } from '../../../src/core/policy.ts';
import { CHUNKS_PER_LEASE } from '../../../src/protocol/limits.ts';
import { chunksOfFile } from '../../../src/protocol/manifest.ts';
import { decodePeerMessage, encodePeerMessage } from '../../../src/protocol/peer-message.ts';
import { DEFAULT_SETTINGS } from '../../../src/protocol/settings.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import type { SeededRandom } from '../../fakes/seeded-random.ts';
import { SwarmWorld } from '../../fakes/swarm-world.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { randomFiles, type TinyRelease, tinyRelease } from '../../fakes/tiny-release.ts';

const KIB = 1024;
const MISSING = new OriginError('origin-status', 'gone', { status: 503 });

function release(random: SeededRandom, lengths: readonly number[], sequence = 1): TinyRelease {
  const files = randomFiles(random, lengths);
  return tinyRelease({ sequence, files, chunkBytes: 64 * KIB, chunksPerPack: 16, deflate: false });
}

function world(lengths: readonly number[] = [900 * KIB]): { world: SwarmWorld; release: TinyRelease } {
  const made = new SwarmWorld(testSeed());
  const published = release(made.random, lengths);
  made.publish(published);
  return { world: made, release: published };
}

describe('after signaling was away', () => {
  it('two peers that are paired again under new names keep one connection, and the download goes on', async () => {
    const { world: w, release: r } = world([4000 * KIB]);
    const seeder = await w.join([r], { link: { latencyMs: 10, bytesPerSecond: 1_000_000 } });
    await seeder.mirror(r);
    w.origin.script = () => ({ fail: MISSING });
    const engine = await w.join([r]);
    const fetch = engine.fetchFile(r, '0.bin', 'bulk');
    await w.clock.runUntil(() => engine.traffic.plain.peers > 300 * KIB);
    w.hub.goDown();
    await w.clock.advance(500);
    w.hub.comeUp();
    await w.clock.runUntil(() => fetch.done);
    expect(fetch.hash).toBe(r.manifest.files[0]?.hash);
    // Two ends of each connection that there ever was.
    expect(w.network.links).toHaveLength(4);
    expect([engine.swarm.peerCount, seeder.swarm.peerCount]).toEqual([1, 1]);
    await w.clock.advance(20_000);
    expect(w.network.links).toHaveLength(4);
    expect([engine.swarm.peerCount, seeder.swarm.peerCount]).toEqual([1, 1]);
  });
});

describe('on a machine that is too busy', () => {
  it.each([500, 4000, 6000])('a partner is not left because we could not read for %i ms', async (blockMs) => {
    const { world: w, release: r } = world([4000 * KIB]);
    const seeder = await w.join([r], { link: { latencyMs: 10, bytesPerSecond: 500_000 } });
    await seeder.mirror(r);
    w.origin.script = () => ({ fail: MISSING });
    const engine = await w.join([r]);
    const fetch = engine.fetchFile(r, '0.bin', 'bulk');
    for (let times = 1; times <= 3; times += 1) {
      await w.clock.runUntil(() => engine.traffic.plain.peers > times * 500 * KIB);
      w.clock.block(blockMs);
    }
    await w.clock.runUntil(() => fetch.done);
    expect(fetch.hash).toBe(r.manifest.files[0]?.hash);
    expect(w.network.links).toHaveLength(2);
  });

  it('a partner that says nothing is left all the same, within ten seconds and a look', async () => {
    const { world: w, release: r } = world([4000 * KIB]);
    const seeder = await w.join([r], { link: { latencyMs: 10, bytesPerSecond: 500_000 } });
    await seeder.mirror(r);
    w.origin.script = () => ({ fail: MISSING });
    const engine = await w.join([r]);
    engine.fetchFile(r, '0.bin', 'bulk');
    await w.clock.runUntil(() => engine.traffic.plain.peers > 500 * KIB);
    for (const link of w.network.links) link.tamper = () => undefined;
    const startMs = w.clock.now();
    while (engine.swarm.peerCount > 0 && w.clock.now() - startMs < 60_000) {
      w.clock.block(900);
      await w.clock.advance(100);
    }
    expect(w.clock.now() - startMs).toBeLessThanOrEqual(11_100);
  });
});

describe('in mode `site`', () => {
  const meet = async (roundTripsMs: readonly number[], isSiteOnly: boolean) => {
    const { world: w, release: r } = world([8000 * KIB]);
    const policy = { isSiteOnly };
    const seeder = await w.join([r], { policy, link: { latencyMs: 10, bytesPerSecond: 300_000 } });
    await seeder.mirror(r);
    const engine = await w.join([r], { policy });
    const fetch = engine.fetchFile(r, '0.bin', 'bulk');
    await w.clock.runUntil(() => engine.traffic.plain.peers > 0);
    for (const link of w.network.links) {
      const left = [...roundTripsMs];
      link.roundTripMs = () => Promise.resolve(left.shift());
    }
    await w.clock.runUntil(() => fetch.done);
    expect(fetch.hash).toBe(r.manifest.files[0]?.hash);
    return engine.traffic.plain.origin;
  };

  it('leaves a peer whose round trips are never short, and fetches the rest itself', async () => {
    expect(await meet(Array<number>(12).fill(60), true)).toBeGreaterThan(0);
  });

  it('keeps one that was near at least once, and any in the other modes', async () => {
    expect(await meet([45, ...Array<number>(12).fill(60)], true)).toBe(0);
    expect(await meet(Array<number>(11).fill(60), true)).toBe(0);
    expect(await meet(Array<number>(12).fill(60), false)).toBe(0);
  });
});

describe('a reader that comes to chunks one by one', () => {
  const readFirst = async (policy: SwarmPolicy) => {
    const { world: w, release: r } = world([128 * KIB, 500 * KIB]);
    await w.join([r]);
    const engine = await w.join([r], { policy });
    const [small, large] = r.manifest.files;
    if (small === undefined || large === undefined) throw new Error('two files');
    const chunks = chunksOfFile(r.manifest, large).map((chunk) => chunk.id);
    const arrived: string[] = [];
    const receiver = { onChunk: (id: string) => arrived.push(id), onMissing: () => undefined };
    engine.swarm.fetch(chunks.slice(0, 1), 'bulk', receiver);
    await w.clock.advance(20_000);
    expect(arrived).toEqual(chunks.slice(0, 1));
    const unit = r.manifest.packs[0]?.chunks.slice(0, CHUNKS_PER_LEASE).map((chunk) => chunk.id) ?? [];
    const own = unit.filter((id) => chunks.includes(id));
    expect(own.length).toBeGreaterThan(1);
    expect(own.length).toBeLessThan(unit.length);
    return { own, stored: await engine.store.list() };
  };

  it('fetches what it has leased as a whole, of its own file', async () => {
    const { own, stored } = await readFirst(TAB_POLICY);
    expect(stored.sort()).toEqual(own.sort());
  });

  it('fetches no more than it was asked for as a Node peer, whose disk may have no room', async () => {
    const { own, stored } = await readFirst(NODE_POLICY);
    expect(stored).toEqual(own.slice(0, 1));
  });
});

describe('a peer alone', () => {
  it('takes a bulk file from the origin, whole and once', async () => {
    const { world: w, release: r } = world();
    const engine = await w.join([r]);
    await engine.mirror(r);
    expect(engine.traffic.plain).toEqual({ store: 0, peers: 0, origin: 900 * KIB, uploaded: 0, wasted: 0 });
    expect(w.origin.servedBytes).toBe(900 * KIB);
    expect(engine.store.chunks.size).toBe(15);
  });

  it.each(['nobody', 'a partner that wants nothing'])(
    'fetches much at the speed of the origin when it is with %s',
    async (company) => {
      const { world: w, release: r } = world([32_000 * KIB]);
      const engine = await w.join([r]);
      if (company !== 'nobody') {
        await w.join([r]);
        await w.clock.runUntil(() => engine.swarm.peerCount === 1);
      }
      const startMs = w.clock.now();
      const fetch = engine.fetchFile(r, '0.bin', 'bulk');
      await w.clock.runUntil(() => fetch.done);
      expect(fetch.hash).toBe(r.manifest.files[0]?.hash);
      expect(w.clock.now() - startMs).toBeLessThan(3500);
    },
  );

  it('asks the origin for an urgent file at once', async () => {
    const { world: w, release: r } = world([100 * KIB]);
    const engine = await w.join([r]);
    const fetch = engine.fetchFile(r, '0.bin', 'urgent');
    await w.clock.runUntil(() => fetch.done, 60);
    expect(fetch.hash).toBe(r.manifest.files[0]?.hash);
  });

  it('answers a second fetch from the store', async () => {
    const { world: w, release: r } = world();
    const engine = await w.join([r]);
    await engine.mirror(r);
    await engine.mirror(r);
    expect(engine.traffic.plain).toMatchObject({ origin: 900 * KIB, store: 900 * KIB });
  });

  it('fetches again what the store has damaged', async () => {
    const { world: w, release: r } = world();
    const first = await w.join([r]);
    await first.mirror(r);
    first.store.damage(r.manifest.packs[0]?.chunks[3]?.id ?? '');
    const second = await w.join([r], { store: first.store });
    await first.swarm.close();
    await second.mirror(r);
    expect(second.traffic.plain).toMatchObject({ origin: 64 * KIB, store: 836 * KIB });
  });

  it('works on when the store fails', async () => {
    const { world: w, release: r } = world();
    const store = new MemoryStore();
    store.failure = new StoreError('store-full', 'no space');
    const engine = await w.join([r], { store });
    await engine.mirror(r);
    expect(engine.traffic.plain.origin).toBe(900 * KIB);
  });

  it('turns to the plain files when the packs are gone, and to the packs when the files are', async () => {
    for (const dead of ['pack', 'file']) {
      const { world: w, release: r } = world([300 * KIB, 200 * KIB]);
      w.origin.script = (request) => (request.kind === dead ? { fail: MISSING } : 'serve');
      const engine = await w.join([r]);
      await engine.mirror(r);
      expect(engine.traffic.plain.origin).toBe(500 * KIB);
    }
  });

  it('turns to the plain file of what shares a pack with a file that is gone in both forms', async () => {
    const { world: w, release: r } = world([100, 3000 * KIB, 200]);
    w.hub.goDown();
    w.origin.script = (request) => (request.kind === 'pack' || request.path === '1.bin' ? { fail: MISSING } : 'serve');
    const engine = await w.join([r]);
    const fetches = r.manifest.files.map(({ path }) => engine.fetchFile(r, path, 'bulk'));
    await w.clock.runUntil(() => fetches.every(({ done }) => done));
    expect(fetches.map(({ missing }) => missing.length)).toEqual([0, 47, 0]);
  });

  it.each([true, false])(
    'takes whole text files plainly while it is alone, if that is compressed: %s',
    async (compresses) => {
      const { world: w } = world();
      w.origin.compressesFiles = compresses;
      const line = new TextEncoder().encode(`${'text that is said again '.repeat(20)}\n`);
      const text = Uint8Array.from({ length: 3000 * KIB }, (_, index) =>
        index % 7 === 0 ? (w.random.bytes(1)[0] ?? 0) : (line[index % line.length] ?? 0),
      );
      const files = new Map([
        ['large.js', text],
        ['media.bin', w.random.bytes(300 * KIB)],
        ['small.js', text.subarray(0, 10 * KIB)],
      ]);
      const r = tinyRelease({ sequence: 1, files, chunkBytes: 64 * KIB, chunksPerPack: 100, deflate: true });
      w.publish(r);
      const engine = await w.join([r]);
      await engine.mirror(r);
      const asked = w.origin.requests.filter(({ kind }) => kind === 'file');
      expect(asked).toEqual([{ kind: 'file', path: 'large.js' }]);
      expect(w.origin.servedBytes > 3000 * KIB).toBe(compresses);
      expect(engine.traffic.plain).toMatchObject({ origin: 3310 * KIB, wasted: 0 });
    },
  );

  /** Wants the beginning of a text file, and the rest once `isUnderWay`. */
  const readOn = async (
    compressesFiles: boolean,
    isUnderWay: (w: SwarmWorld, came: ReadonlySet<string>) => boolean,
  ) => {
    const { world: w } = world();
    w.origin.compressesFiles = compressesFiles;
    const files = new Map([['a.js', new TextEncoder().encode('one and the other and '.repeat(150_000))]]);
    const r = tinyRelease({ sequence: 1, files, chunkBytes: 65_521, chunksPerPack: 100, deflate: true });
    w.publish(r);
    const engine = await w.join([r]);
    const ids = r.manifest.packs.flatMap(({ chunks }) => chunks.map(({ id }) => id));
    const came = new Set<string>();
    const receiver = { onChunk: (id: string) => void came.add(id), onMissing: () => undefined };
    engine.swarm.fetch(ids.slice(0, 20), 'bulk', receiver);
    await w.clock.runUntil(() => isUnderWay(w, came));
    engine.swarm.fetch(ids.slice(20), 'bulk', receiver);
    await w.clock.runUntil(() => came.size === ids.length);
    return { requests: w.origin.requests, wasted: engine.traffic.plain.wasted };
  };

  it('reads a plain file on for who has not asked for its end yet', async () => {
    const { requests, wasted } = await readOn(true, (_, came) => came.size > 0);
    expect(requests).toEqual([{ kind: 'file', path: 'a.js' }]);
    expect(wasted).toBe(0);
  });

  it('asks for a plain file that is not compressed once, also when more of it is wanted meanwhile', async () => {
    const { requests } = await readOn(false, (w) => w.origin.requests.length > 0);
    expect(requests.filter(({ kind }) => kind === 'file')).toEqual([{ kind: 'file', path: 'a.js' }]);
  });

  it('tells peers what it lets go of: they do not ask for it', async () => {
    const { world: w, release: r } = world();
    const [first, second] = [await w.join([r]), await w.join([r])];
    await first.mirror(r);
    await w.clock.runUntil(() => second.swarm.peerCount === 1);
    const ids = r.manifest.packs.flatMap(({ chunks }) => chunks.map(({ id }) => id));
    await w.clock.runUntil(() => ids.every((id) => second.swarm.copiesOf(id) === 1));
    await first.swarm.drop(ids.slice(5));
    await w.clock.runUntil(() => second.swarm.copiesOf(ids[5] ?? '') === 0);
    expect(ids.map((id) => second.swarm.copiesOf(id))).toEqual(ids.map((_, index) => (index < 5 ? 1 : 0)));
    expect(first.store.chunks.size).toBe(5);
    await second.mirror(r);
    expect(second.traffic.plain).toMatchObject({ peers: 5 * 64 * KIB, origin: 580 * KIB });
  });

  it('leaves plain files alone once it has a part of them, or somebody to share with', async () => {
    const { world: w } = world();
    const files = new Map([['a.js', new TextEncoder().encode('one and the other '.repeat(20_000))]]);
    const r = tinyRelease({ sequence: 1, files, chunkBytes: 30_011, chunksPerPack: 100, deflate: true });
    w.publish(r);
    const [first, second] = [await w.join([r]), await w.join([r])];
    await w.clock.runUntil(() => first.swarm.peerCount === 1 && second.swarm.peerCount === 1);
    await Promise.all([first.mirror(r), second.mirror(r)]);
    expect(w.origin.requests.filter(({ kind }) => kind === 'file')).toEqual([]);
  });

  it('gets over an origin that cuts every second answer', async () => {
    const { world: w, release: r } = world();
    let requests = 0;
    w.origin.script = () => {
      requests += 1;
      return requests % 2 === 1 ? { cutAfterBytes: 100 * KIB } : 'serve';
    };
    const engine = await w.join([r]);
    await engine.mirror(r);
  });

  it('refuses bytes of the origin that are not the release, and says that the chunks are missing', async () => {
    const { world: w, release: r } = world();
    const other = release(w.random, [900 * KIB]);
    w.origin.packs.set(r.manifest.packs[0]?.id ?? '', [...other.packs.values()][0] ?? new Uint8Array());
    w.origin.files.set('0.bin', other.files.get('0.bin') ?? new Uint8Array());
    const engine = await w.join([r]);
    const fetch = engine.fetchFile(r, '0.bin', 'bulk');
    await w.clock.runUntil(() => fetch.done);
    expect(fetch.missing).toHaveLength(15);
    expect(engine.store.chunks.size).toBe(0);
  });

  it('says at once that chunks are missing when neither origin nor signaling answer', async () => {
    const { world: w, release: r } = world([100 * KIB]);
    w.hub.goDown();
    w.origin.script = () => ({ fail: MISSING });
    const engine = await w.join([r]);
    const fetch = engine.fetchFile(r, '0.bin', 'urgent');
    await w.clock.runUntil(() => fetch.done, 1000);
    expect(fetch.missing).toHaveLength(2);
  });

  it('stops what nobody wants any more', async () => {
    const { world: w, release: r } = world();
    const engine = await w.join([r]);
    const fetch = engine.fetchFile(r, '0.bin', 'urgent');
    await w.clock.advance(31);
    fetch.cancel();
    await w.clock.advance(5000);
    expect(w.origin.servedBytes).toBeLessThan(200 * KIB);
    await engine.mirror(r);
  });
});

describe('peers', () => {
  it('give a newcomer the whole release while the origin serves nothing', async () => {
    const { world: w, release: r } = world([900 * KIB, 10, 64 * KIB]);
    const seed = await w.join([r]);
    await seed.mirror(r);
    w.origin.script = () => ({ fail: MISSING });
    const newcomer = await w.join([r]);
    await newcomer.mirror(r);
    const total = 964 * KIB + 10;
    expect(newcomer.traffic.plain).toEqual({ store: 0, peers: total, origin: 0, uploaded: 0, wasted: 0 });
    expect(seed.traffic.plain.uploaded).toBe(total);
  });

  it('that have all their places taken by others who are done make room for a newcomer', async () => {
    const { world: w, release: r } = world();
    const seed = await w.join([r], { policy: { wantedPeers: 2, maximumPeers: 2 } });
    await seed.mirror(r);
    const done = [await w.join([r]), await w.join([r])];
    for (const engine of done) await engine.mirror(r);
    expect(seed.swarm.peerCount).toBe(2);
    const newcomer = await w.join([r]);
    await newcomer.mirror(r);
    // The three that have it.
    expect(newcomer.swarm.peerCount).toBe(3);
    expect(seed.swarm.peerCount).toBe(2);
  });

  it('are not asked for files that the publisher found too small, while the origin has them', async () => {
    const { world: w, release: r } = world([900 * KIB, 100 * KIB]);
    await (await w.join([r])).mirror(r);
    const policy = { minimumFileBytes: 500 * KIB };
    const newcomer = await w.join([r], { policy });
    await newcomer.mirror(r);
    expect(newcomer.traffic.plain).toMatchObject({ peers: 900 * KIB, origin: 100 * KIB, wasted: 0 });
    w.origin.script = () => ({ fail: MISSING });
    const late = await w.join([r], { policy });
    await late.mirror(r);
    expect(late.traffic.plain).toMatchObject({ peers: 1000 * KIB, origin: 0 });
  });

  it('are waited for as long as the publisher has set, and then share one copy', async () => {
    const { world: w, release: r } = world();
    const patient = policyFor({ ...DEFAULT_SETTINGS, mode: 'internet', originDelayMs: 15_000 }, TAB_POLICY);
    const first = await w.join([r], { policy: patient });
    const fetch = first.fetchFile(r, '0.bin', 'bulk');
    await w.clock.advance(14_000);
    expect(first.traffic.plain.origin).toBe(0);
    const second = await w.join([r]);
    await second.mirror(r);
    await w.clock.runUntil(() => fetch.done);
    expect(first.traffic.plain.origin + second.traffic.plain.origin).toBe(900 * KIB);
  });

  it('come before the origin for bulk files', async () => {
    const { world: w, release: r } = world();
    await (await w.join([r])).mirror(r);
    const newcomer = await w.join([r]);
    await newcomer.mirror(r);
    expect(newcomer.traffic.plain).toMatchObject({ peers: 900 * KIB, origin: 0 });
  });

  it('trade what two releases share', async () => {
    const { world: w, release: r } = world([600 * KIB]);
    const seed = await w.join([r]);
    await seed.mirror(r);
    const files = new Map([...r.files, ['new.bin', w.random.bytes(100 * KIB)] as const]);
    const next = tinyRelease({
      sequence: 2,
      files,
      chunkBytes: 64 * KIB,
      chunksPerPack: 16,
      deflate: true,
      previous: r,
    });
    w.publish(next);
    const newcomer = await w.join([next]);
    await newcomer.mirror(next);
    expect(newcomer.traffic.plain).toMatchObject({ peers: 600 * KIB, origin: 100 * KIB });
  });

  it('are found for a release that came while they were connected', async () => {
    const { world: w, release: r } = world([100 * KIB]);
    const a = await w.join([r]);
    const b = await w.join([r]);
    await w.clock.runUntil(() => a.swarm.peerCount === 1 && b.swarm.peerCount === 1);
    const next = release(w.random, [500 * KIB], 2);
    w.publish(next);
    for (const engine of [a, b]) engine.swarm.setReleases([next.manifest, r.manifest]);
    await a.mirror(next);
    await b.mirror(next);
    expect(b.traffic.plain).toMatchObject({ peers: 500 * KIB, origin: 0 });
  });

  it('that flip a bit are banned, and the page gets the right bytes', async () => {
    const { world: w, release: r } = world();
    const liar = await w.join([r]);
    await liar.mirror(r);
    const victim = await w.join([r]);
    await w.clock.runUntil(() => victim.swarm.peerCount === 1);
    for (const link of w.network.links) link.tamper = flipData;
    await victim.mirror(r);
    expect(victim.bans).toHaveLength(1);
    expect(victim.swarm.peerCount).toBe(0);
    expect(victim.traffic.plain).toMatchObject({ peers: 0, origin: 900 * KIB });
  });

  it('that vanish in the middle cost only time', async () => {
    const { world: w, release: r } = world([4000 * KIB]);
    const seed = await w.join([r]);
    await seed.mirror(r);
    const newcomer = await w.join([r]);
    const fetch = newcomer.fetchFile(r, '0.bin', 'bulk');
    await w.clock.runUntil(() => newcomer.traffic.plain.peers > 1000 * KIB);
    for (const link of w.network.links) link.kill();
    w.hub.goDown();
    await w.clock.runUntil(() => fetch.done);
    expect(fetch.hash).toBe(r.manifest.files[0]?.hash);
    expect(newcomer.traffic.plain.origin + newcomer.traffic.plain.peers).toBe(4000 * KIB);
  });

  it('that fall silent are left after a while', async () => {
    const { world: w, release: r } = world([4000 * KIB]);
    const seed = await w.join([r]);
    await seed.mirror(r);
    const newcomer = await w.join([r]);
    const fetch = newcomer.fetchFile(r, '0.bin', 'bulk');
    await w.clock.runUntil(() => newcomer.traffic.plain.peers > 1000 * KIB);
    for (const link of w.network.links) link.muted = true;
    await w.clock.runUntil(() => fetch.done, 10_000);
    expect(fetch.hash).toBe(r.manifest.files[0]?.hash);
  });

  it('that are too slow are helped by the origin', async () => {
    const { world: w, release: r } = world([4000 * KIB]);
    const seed = await w.join([r], { link: { latencyMs: 10, bytesPerSecond: 50_000 } });
    await seed.mirror(r);
    const newcomer = await w.join([r]);
    const fetch = newcomer.fetchFile(r, '0.bin', 'bulk');
    await w.clock.runUntil(() => fetch.done, 30_000);
    expect(newcomer.traffic.plain.origin).toBeGreaterThan(2000 * KIB);
  });

  it('that are slow with the first bytes only are not helped', async () => {
    const { world: w, release: r } = world([8000 * KIB]);
    const link = { latencyMs: 10, bytesPerSecond: 60_000 };
    const seed = await w.join([r], { link });
    await seed.mirror(r);
    const before = w.origin.servedBytes;
    const newcomer = await w.join([r]);
    const fetch = newcomer.fetchFile(r, '0.bin', 'bulk');
    await w.clock.runUntil(() => newcomer.traffic.plain.peers > 0);
    link.bytesPerSecond = 10_000_000;
    await w.clock.runUntil(() => fetch.done);
    expect(w.origin.servedBytes).toBe(before);
  });

  it('that are slow with the last chunks are overtaken by those who have nothing to do', async () => {
    const { world: w, release: r } = world([8000 * KIB]);
    const fast = await w.join([r]);
    await fast.mirror(r);
    const slow = await w.join([r], { link: { latencyMs: 10, bytesPerSecond: 30_000 } });
    await slow.mirror(r);
    const before = w.origin.servedBytes;
    const newcomer = await w.join([r]);
    const startMs = w.clock.now();
    const fetch = newcomer.fetchFile(r, '0.bin', 'bulk');
    await w.clock.runUntil(() => fetch.done);
    expect(fetch.hash).toBe(r.manifest.files[0]?.hash);
    // What the slow one was asked for at first would take it nine seconds.
    expect(w.clock.now() - startMs).toBeLessThan(4000);
    expect(w.origin.servedBytes).toBe(before);
    // The chunk that was under way at the slow one comes twice at most.
    expect(newcomer.traffic.wire.wasted).toBeLessThanOrEqual(128 * KIB);
    expect(newcomer.bans).toEqual([]);
  });

  it('that say what they have only a second after they connected are waited for', async () => {
    const { world: w, release: r } = world([200 * KIB]);
    const seed = await w.join([r], { link: { latencyMs: 1000, bytesPerSecond: 10_000_000 } });
    await seed.mirror(r);
    const before = w.origin.servedBytes;
    const newcomer = await w.join([r]);
    await newcomer.mirror(r);
    expect(w.origin.servedBytes).toBe(before);
  });

  it('that are slow fill a headless peer all the same, for which nobody waits', async () => {
    const { world: w, release: r } = world([1000 * KIB]);
    const seed = await w.join([r], { link: { latencyMs: 10, bytesPerSecond: 100_000 } });
    await seed.mirror(r);
    const before = w.origin.servedBytes;
    const mirror = await w.join([r], { policy: NODE_POLICY });
    await mirror.mirror(r);
    expect(w.origin.servedBytes).toBe(before);
  });

  it('that are late with an urgent file are raced by the origin', async () => {
    const { world: w, release: r } = world([200 * KIB]);
    const seed = await w.join([r], { link: { latencyMs: 10, bytesPerSecond: 10_000 } });
    await seed.mirror(r);
    const newcomer = await w.join([r]);
    await w.clock.runUntil(() => newcomer.swarm.peerCount === 1);
    await w.clock.advance(100);
    const fetch = newcomer.fetchFile(r, '0.bin', 'urgent');
    await w.clock.runUntil(() => fetch.done, 500);
    expect(newcomer.traffic.plain.origin).toBe(200 * KIB);
  });

  it('are asked at once for what a page waits for, and the origin is not', async () => {
    const { world: w, release: r } = world([200 * KIB]);
    const seed = await w.join([r], { link: { latencyMs: 1, bytesPerSecond: 50_000_000 } });
    await seed.mirror(r);
    const newcomer = await w.join([r], { link: { latencyMs: 1, bytesPerSecond: 50_000_000 } });
    await w.clock.runUntil(() => newcomer.swarm.peerCount === 1);
    await w.clock.advance(100);
    const fetch = newcomer.fetchFile(r, '0.bin', 'prompt');
    await w.clock.runUntil(() => fetch.done, 50);
    expect(fetch.missing).toEqual([]);
    expect(newcomer.traffic.plain).toMatchObject({ peers: 200 * KIB, origin: 0 });
  });

  it('that let a page wait once are not asked for it again: it is missing at once', async () => {
    const { world: w, release: r } = world([200 * KIB]);
    const seed = await w.join([r], { link: { latencyMs: 10, bytesPerSecond: 10_000 } });
    await seed.mirror(r);
    const newcomer = await w.join([r]);
    await w.clock.runUntil(() => newcomer.swarm.peerCount === 1);
    await w.clock.advance(100);
    const first = newcomer.fetchFile(r, '0.bin', 'prompt');
    await w.clock.advance(15);
    first.cancel();
    const second = newcomer.fetchFile(r, '0.bin', 'prompt');
    expect(second.missing).toHaveLength(4);
    expect(newcomer.traffic.plain.origin).toBe(0);
  });

  it('that lost a chunk refuse it, and it comes from the origin', async () => {
    const { world: w, release: r } = world();
    const seed = await w.join([r]);
    await seed.mirror(r);
    seed.store.damage(r.manifest.packs[0]?.chunks[5]?.id ?? '');
    // Until then it has it in memory as well.
    await w.clock.advance(31_000);
    const newcomer = await w.join([r]);
    await newcomer.mirror(r);
    expect(newcomer.bans).toEqual([]);
    expect(newcomer.traffic.plain).toMatchObject({ peers: 836 * KIB, origin: 64 * KIB });
  });
});

function flipData(frame: Uint8Array): Uint8Array {
  const message = decodePeerMessage(frame);
  if (message.type !== 'data') return frame;
  const bytes = message.bytes.slice();
  bytes[7] = (bytes[7] ?? 0) ^ 0x10;
  return encodePeerMessage({ ...message, bytes });
}
