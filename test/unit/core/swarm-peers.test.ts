import { describe, expect, it } from 'vitest';
import { NODE_POLICY, policyFor, TAB_POLICY } from '../../../src/core/policy.ts';
import { decodePeerMessage, encodePeerMessage } from '../../../src/protocol/peer-message.ts';
import { DEFAULT_SETTINGS } from '../../../src/protocol/settings.ts';
import { tinyRelease } from '../../fakes/tiny-release.ts';
import { KIB, MISSING, release, world } from './small-world.ts';

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
