import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import wrtc from '@roamhq/wrtc';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startLocalPeer } from '../../src/node/local-peer.ts';
import { rtcDialer } from '../../src/platform/rtc-dialer.ts';
import { loadSimplePeer } from '../../src/platform/simple-peer.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { packPath } from '../../src/protocol/layout.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { bulkApp, type PublishedApp } from '../stage/app.ts';
import { AskingPeer } from '../stage/asking-peer.ts';
import { SeedCommand } from '../stage/seed-command.ts';
import { Stage } from '../stage/stage.ts';

const MB = 1_000_000;
const isPack = (path: string): boolean => path.includes('/pack-');
const isContent = (path: string): boolean => isPack(path) || /^.[ab].bin$/.test(path);

let app: PublishedApp;
let stage: Stage;
const closing: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  app = await bulkApp({ 'a.bin': 20 * MB, 'b.bin': 20 * MB });
  stage = await Stage.open(app.out);
});

afterEach(async () => {
  await Promise.all(closing.splice(0).map((open) => open.close()));
  stage.refuse = () => false;
});

afterAll(async () => {
  await stage.close();
  await app.remove();
});

function seed(store: string, ...options: string[]): SeedCommand {
  const command = new SeedCommand(stage.url, store, ...options);
  closing.push(command);
  return command;
}

async function chunksIn(store: string): Promise<Map<string, number>> {
  const entries = await readdir(join(store, 'chunks'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.part'));
  const sizes = files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).blocks * 512);
  const bytes = await Promise.all(sizes);
  return new Map(files.map(({ name }, index) => [name, bytes[index] ?? 0]));
}

/** Chunks that lie in the Range answers since `since`. */
function chunksServed(since: number): string[] {
  return stage.responses.slice(since).flatMap(({ path, status, range }) => {
    const pack = app.manifest.packs.find(({ id }) => path === `/${packPath(id)}`);
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    if (pack === undefined || status !== 206) return [];
    let offset = 0;
    return pack.chunks.flatMap(({ id, encodedBytes }) => {
      const first = offset;
      offset += encodedBytes;
      return first >= Number(from) && offset - 1 <= Number(to) ? [id] : [];
    });
  });
}

function isAlive(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch {
    return false;
  }
}

describe('tabseed seed', () => {
  it('starts its engine again when it crashes, is killed or hangs, and seeds on', async () => {
    const store = await stage.folder();
    const command = seed(store);
    await command.next('mirrored');
    let started = command.lines.find(({ event }) => event === 'engine-started');
    for (const [signal, how] of [
      ['SIGSEGV', 'SIGSEGV'],
      ['SIGKILL', 'SIGKILL'],
      // Stopped, it is as silent as one that hangs in native code.
      ['SIGSTOP', 'SIGKILL'],
    ] as const) {
      process.kill(started?.processId ?? 0, signal);
      expect((await command.next('engine-lost')).how).toBe(how);
      started = await command.next('engine-started');
    }
    stage.refuse = isContent;
    const { peer } = await startLocalPeer({ url: stage.url, store: await stage.folder() });
    closing.push(peer);
    await peer.mirrored;
    expect(peer.traffic.plain.origin).toBe(0);
  });

  it('after kill -9 at any moment fetches nothing again that is whole on its disk', async () => {
    const random = new SeededRandom(5);
    const store = await stage.folder();
    for (let kill = 0; kill < 3; kill += 1) {
      const held = new Set(kill === 0 ? [] : (await chunksIn(store)).keys());
      const since = stage.responses.length;
      const command = seed(store);
      const answers = 3 + Math.floor(random.next() * 8);
      await vi.waitUntil(() => stage.served(isPack, since).length >= answers, { timeout: 60_000, interval: 2 });
      command.signal('SIGKILL');
      await command.ended;
      const processId = command.lines.find(({ event }) => event === 'engine-started')?.processId;
      // The engine ends when its supervisor does; until then the origin still answers it.
      await vi.waitUntil(() => processId === undefined || !isAlive(processId), { timeout: 10_000, interval: 10 });
      expect(chunksServed(since).filter((id) => held.has(id))).toEqual([]);
    }
    const held = new Set((await chunksIn(store)).keys());
    const since = stage.responses.length;
    const last = seed(store);
    await last.next('mirrored');
    expect(held.size).toBeGreaterThan(0);
    expect(chunksServed(since).filter((id) => held.has(id))).toEqual([]);
    const all = new Set(app.manifest.packs.flatMap(({ chunks }) => chunks.map(({ id }) => id)));
    expect((await chunksIn(store)).size).toBe(all.size);
  });

  it('finishes what it is sending on SIGTERM and exits with 0, and refuses a second seed on its store', async () => {
    const store = await stage.folder();
    const command = seed(store, '--upload-limit', String(4 * MB));
    await command.next('mirrored');
    const second = seed(store);
    expect(await second.ended).toBe('1');
    expect(second.lines.at(-1)?.error?.code).toBe('store-locked');

    stage.refuse = isContent;
    let storedBytes = 0;
    const { peer } = await startLocalPeer(
      { url: stage.url, store: await stage.folder() },
      { onProgress: (progress) => (storedBytes = progress.storedBytes) },
    );
    closing.push(peer);
    await vi.waitUntil(() => storedBytes > 2 * MB, { timeout: 30_000 });
    const before = storedBytes;
    command.signal('SIGTERM');
    expect(await command.ended).toBe('0');
    await vi.waitUntil(() => storedBytes > before, { timeout: 5000 });
    expect(peer.traffic.wire.wasted).toBe(0);
  });

  it('keeps to its disk limit, says that the release does not fit, and seeds what it has', async () => {
    const store = await stage.folder();
    const command = seed(store, '--disk-limit', '10MB', '--rtc', 'wrtc');
    const { chunkCount = 0 } = await command.next('disk-limit');
    await command.next('mirrored');
    const sizes = await chunksIn(store);
    const used = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
    expect(used).toBeLessThanOrEqual(10 * MB);
    expect(used).toBeGreaterThan(9.5 * MB);
    const all = new Set(app.manifest.packs.flatMap(({ chunks }) => chunks.map(({ id }) => id)));
    expect(sizes.size + chunkCount).toBe(all.size);
  });

  it('serves 60 connections at once', async () => {
    const small = await bulkApp({ 'c.bin': 300_000 });
    const room = await Stage.open(small.out);
    closing.push({ close: () => room.close() }, { close: () => small.remove() });
    const command = new SeedCommand(room.url, await room.folder());
    closing.push(command);
    await command.next('mirrored');
    // The library that Chromium has.
    const dialer = rtcDialer({ load: loadSimplePeer, wrtc, clock: systemClock() });
    const peers: AskingPeer[] = [];
    for (let count = 0; count < 60; count += 1) peers.push(await AskingPeer.connect(room.url, small, dialer));
    await Promise.all(peers.map((peer) => peer.ask()));
    for (const peer of peers) peer.close();
  });

  it('fails with exit code 1 and a code when nobody answers', async () => {
    const command = new SeedCommand('http://127.0.0.1:9/', await stage.folder());
    closing.push(command);
    expect(await command.ended).toBe('1');
    expect(command.lines.at(-1)?.error?.code).toBe('origin-unreachable');
  });
});
