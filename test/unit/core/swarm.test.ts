import { describe, expect, it } from 'vitest';
import { NODE_POLICY, type SwarmPolicy, TAB_POLICY } from '../../../src/core/policy.ts';
import { CHUNKS_PER_LEASE } from '../../../src/protocol/limits.ts';
import { chunksOfFile } from '../../../src/protocol/manifest.ts';
import { KIB, MISSING, world } from './small-world.ts';

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
