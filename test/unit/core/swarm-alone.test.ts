import { describe, expect, it } from 'vitest';
import { StoreError } from '../../../src/core/errors.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import type { SwarmWorld } from '../../fakes/swarm-world.ts';
import { tinyRelease } from '../../fakes/tiny-release.ts';
import { KIB, MISSING, release, world } from './small-world.ts';

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
