import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type RunningServer, startServer } from '../../../src/cli/start-server.ts';
import type { Clock } from '../../../src/core/ports.ts';
import type { NodePeer, NodePeerProgress } from '../../../src/node/index.ts';
import { startLocalPeer } from '../../../src/node/local-peer.ts';
import { systemClock } from '../../../src/platform/system-clock.ts';
import { POINTER_PATH, WORKER_SCRIPT } from '../../../src/protocol/layout.ts';
import { generateKey, type PublishOptions, publish, retire } from '../../../src/publisher/index.ts';
import { patterned, Signal } from '../../contract/contract.ts';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tabseed-node-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

interface Deployment {
  readonly url: string;
  readonly out: string;
  readonly server: RunningServer;
  /** While set, packs and plain files get a 503. */
  isContentRefused: boolean;
  /** While set, the pointer gets a 410. */
  isGone: boolean;
  /** The next release, with one file more. */
  readonly publishAgain: () => Promise<void>;
  /** The next release, with ten bytes changed in the large file. */
  readonly publishChange: () => Promise<void>;
  /** The next release, with nothing of the one before, which it withdraws. */
  readonly withdraw: () => Promise<void>;
  /** Takes the app away; signed: the pointer says so, too. */
  readonly retire: (how: 'signed' | 'unsigned') => Promise<void>;
}

/** An app of 3 MB on a real server with signaling. */
async function deploy(options: Partial<PublishOptions> = {}): Promise<Deployment> {
  const folder = await newFolder();
  const source = join(folder, 'source');
  const scripts = { page: join(folder, 'page'), worker: join(folder, 'sw.js') };
  await Promise.all([source, scripts.page].map((path) => mkdir(path)));
  await writeFile(join(scripts.page, 'client.js'), '');
  await writeFile(scripts.worker, '');
  await writeFile(join(source, 'index.html'), '<!doctype html><title>app</title>');
  await writeFile(join(source, 'data.bin'), patterned(3_000_000));
  const out = join(folder, 'out');
  const key = generateKey().pem;
  await publish({ source, out, key, scripts, sequence: 1, ...options });
  const publishAgain = async (): Promise<void> => {
    await writeFile(join(source, 'more.bin'), patterned(500_000, 9));
    await publish({ source, out, key, scripts, sequence: 2, ...options });
  };
  const publishChange = async (): Promise<void> => {
    const data = patterned(3_000_000);
    data.fill(7, 1_500_000, 1_500_010);
    await writeFile(join(source, 'data.bin'), data);
    await publish({ source, out, key, scripts, sequence: 2, ...options });
  };
  const withdraw = async (): Promise<void> => {
    await writeFile(join(source, 'index.html'), '<!doctype html><title>good</title>');
    await writeFile(join(source, 'data.bin'), patterned(100_000, 77));
    await publish({ source, out, key, scripts, sequence: 3, withdraw: true, ...options });
  };
  const retireApp = async (how: 'signed' | 'unsigned'): Promise<void> => {
    await retire({ out, key: how === 'signed' ? key : undefined });
  };
  const retirement = { isGone: false, retire: retireApp };
  const deployment = { out, isContentRefused: false, ...retirement, publishAgain, publishChange, withdraw };
  const server = await startServer({
    root: out,
    intercept: (request, response) => {
      if (deployment.isGone && request.url?.endsWith(POINTER_PATH)) {
        response.writeHead(410).end();
        return true;
      }
      const isContent = /pack-|data\.bin|index\.html/.test(request.url ?? '');
      if (!deployment.isContentRefused || !isContent) return false;
      response.writeHead(503).end();
      return true;
    },
  });
  cleanups.push(() => server.close());
  return Object.assign(deployment, { url: server.url, server });
}

async function start(
  url: string,
  more: {
    store?: string;
    publicKeys?: string[];
    onProgress?: (progress: NodePeerProgress) => void;
    clock?: Clock;
  } = {},
): Promise<NodePeer> {
  const { store = await newFolder(), publicKeys, ...surroundings } = more;
  const { peer } = await startLocalPeer({ url, store, publicKeys }, surroundings);
  cleanups.push(() => peer.close());
  return peer;
}

describe('a Node peer', () => {
  it('stops when its app is retired, and does not start for one', async () => {
    const deployment = await deploy();
    const store = await newFolder();
    const system = systemClock();
    // News is looked for once a minute.
    const hurried: Clock = { now: () => system.now(), after: (ms, run) => system.after(Math.min(ms, 200), run) };
    const peer = await start(deployment.url, { store, clock: hurried });
    await deployment.retire('signed');
    await peer.retired;
    await peer.close();
    await expect(start(deployment.url, { store })).rejects.toMatchObject({ code: 'retired' });
    const other = await deploy();
    await other.retire('unsigned');
    await expect(start(other.url)).rejects.toMatchObject({ code: 'retired' });
  });

  it.each(['unsigned', 'gone'] as const)('stops when its app is retired without a key: %s', async (how) => {
    const deployment = await deploy();
    const system = systemClock();
    // A minute passes in 200 ms, for all that is measured too.
    const hurried: Clock = {
      now: () => system.now() * 300,
      after: (ms, run) => system.after(Math.min(ms, 200), run),
    };
    const peer = await start(deployment.url, { clock: hurried });
    if (how === 'gone') deployment.isGone = true;
    else await deployment.retire('unsigned');
    await peer.retired;
  });

  it('mirrors an app from the origin, and is complete at once when it starts again without it', async () => {
    const { url, server } = await deploy();
    const store = await newFolder();
    const progress: NodePeerProgress[] = [];
    const first = await start(url, { store, onProgress: (step) => progress.push(step) });
    await first.mirrored;
    expect(first.release.sequence).toBeGreaterThan(0);
    expect(first.traffic.plain.origin).toBeGreaterThanOrEqual(3_000_000);
    expect(progress.at(-1)).toMatchObject({ storedBytes: progress[0]?.totalBytes, sequence: first.release.sequence });
    await first.close();
    await server.close();

    const second = await start(url, { store });
    await second.mirrored;
    expect(second.release).toEqual(first.release);
    expect(second.traffic.plain).toMatchObject({ origin: 0, peers: 0 });
  });

  it('is filled by another Node peer when the origin has the pointer and nothing else', async () => {
    const deployment = await deploy();
    const seed = await start(deployment.url);
    await seed.mirrored;
    deployment.isContentRefused = true;
    const other = await start(deployment.url);
    await other.mirrored;
    expect(other.traffic.plain.origin).toBe(0);
    expect(other.traffic.plain.peers).toBeGreaterThanOrEqual(3_000_000);
    expect(seed.traffic.plain.uploaded).toBeGreaterThanOrEqual(3_000_000);
  });

  it.each([
    ['damaged', (content: Buffer) => content.map((byte, index) => (index === 0 ? byte : byte ^ 1))],
    ['cut off', () => Buffer.alloc(0)],
  ])('gives nobody what is %s on its disk, and fetches it again', async (_name, damage) => {
    const deployment = await deploy();
    const store = await newFolder();
    const [noticed, repaired] = [new Signal(), new Signal()];
    let hasNoticed = false;
    let isDamaged = false;
    const seed = await start(deployment.url, {
      store,
      onProgress: ({ storedBytes, totalBytes }) => {
        if (hasNoticed && storedBytes === totalBytes) repaired.resolve();
        if (!isDamaged || storedBytes === totalBytes) return;
        hasNoticed = true;
        noticed.resolve();
      },
    });
    await seed.mirrored;
    const entries = await readdir(join(store, 'chunks'), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const [file = ''] = files;
    const content = await readFile(file);
    await writeFile(file, damage(content));
    isDamaged = true;

    deployment.isContentRefused = true;
    const other = await start(deployment.url);
    await noticed.promise;
    deployment.isContentRefused = false;
    await other.mirrored;
    await repaired.promise;
    expect(await readFile(file)).toEqual(content);
  });

  it('makes the next release out of the one that it has and a delta', async () => {
    const { url, publishChange } = await deploy();
    const store = await newFolder();
    const first = await start(url, { store });
    await first.mirrored;
    await first.close();
    await publishChange();
    const second = await start(url, { store });
    await second.mirrored;
    expect(second.release.sequence).toBe(2);
    // The delta alone, not the chunk of 64 KiB around the ten bytes.
    expect(second.traffic.wire.origin).toBeGreaterThan(0);
    expect(second.traffic.wire.origin).toBeLessThan(1000);
  });

  it('mirrors the next release when it finds one, and goes on when a check fails', async () => {
    const { url, publishAgain, server } = await deploy();
    const sequences = new Set<number>();
    const found = new Signal();
    const system = systemClock();
    const checks: (() => void)[] = [];
    const clock: Clock = {
      now: () => system.now(),
      // The minutely check alone waits so long; here the test says when.
      after: (milliseconds, run) => {
        if (milliseconds < 40_000) return system.after(milliseconds, run);
        // A day: the rest of the scrub.
        if (milliseconds < 3_600_000) checks.push(run);
        return () => undefined;
      },
    };
    const peer = await start(url, {
      clock,
      onProgress: ({ sequence, storedBytes, totalBytes }) => {
        sequences.add(sequence);
        if (sequences.size === 2 && storedBytes === totalBytes) found.resolve();
      },
    });
    await peer.mirrored;
    await publishAgain();
    checks.shift()?.();
    await found.promise;
    expect([...sequences]).toEqual([peer.release.sequence - 1, peer.release.sequence]);

    await vi.waitUntil(() => checks.length > 0);
    await server.close();
    checks.shift()?.();
    await vi.waitUntil(() => checks.length > 0);
    expect(peer.release.sequence).toBe(Math.max(...sequences));
  });

  it('deletes and stops seeding a release that is withdrawn', async () => {
    const deployment = await deploy();
    const store = await newFolder();
    const first = await start(deployment.url, { store });
    await first.mirrored;
    await first.close();
    const stored = async () =>
      (await readdir(join(store, 'chunks'), { recursive: true })).filter((name) => name.length > 60);
    const before = await stored();
    await deployment.withdraw();
    const second = await start(deployment.url, { store });
    await second.mirrored;
    const after = await stored();
    expect(before.length).toBeGreaterThan(5);
    expect(after.filter((name) => before.includes(name))).toEqual([]);
  });

  it('rejects mirrored when it is closed before, without an unhandled rejection', async () => {
    const deployment = await deploy();
    deployment.isContentRefused = true;
    const peer = await start(deployment.url);
    await peer.close();
    await expect(peer.mirrored).rejects.toMatchObject({ code: 'closed' });
  });

  it('refuses keys that it was not given or has not seen first, and goes on while one of them is left', async () => {
    const { url, out } = await deploy();
    const store = await newFolder();
    await (await start(url, { store })).close();
    const script = await readFile(join(out, WORKER_SCRIPT), 'utf8');
    const [, ours = ''] = /"keys":\["([0-9a-f]{64})"\]/.exec(script) ?? [];
    const theirs = 'ab'.repeat(32);

    await expect(start(url, { publicKeys: [theirs] })).rejects.toMatchObject({ code: 'not-trusted' });
    await expect(start(url, { publicKeys: ['x'] })).rejects.toMatchObject({ code: 'bad-public-key' });
    await (await start(url, { publicKeys: [theirs, ours.toUpperCase()] })).close();

    await writeFile(join(out, WORKER_SCRIPT), script.replace(ours, `${theirs}","${ours}`));
    await (await start(url, { store })).close();
    await writeFile(join(out, WORKER_SCRIPT), script.replace(ours, theirs));
    await expect(start(url, { store })).rejects.toMatchObject({ code: 'not-trusted' });
    await writeFile(join(store, 'trust.json'), 'damaged');
    await expect(start(url, { store })).rejects.toMatchObject({ code: 'not-trusted' });
  });

  it('refuses a store of another app, a server without an app, and a release that wants no peers', async () => {
    const store = await newFolder();
    await (await start((await deploy()).url, { store })).close();
    await expect(start((await deploy()).url, { store })).rejects.toMatchObject({ code: 'not-trusted' });
    const { url } = await deploy({ mode: 'off' });
    await expect(start(url)).rejects.toMatchObject({ code: 'peers-off' });
    await expect(start(`${url}/nowhere/`)).rejects.toMatchObject({ code: 'not-published' });
    await expect(start('ftp://example.com/')).rejects.toMatchObject({ code: 'bad-url' });
    await expect(start('http://127.0.0.1:9/')).rejects.toMatchObject({ code: 'origin-unreachable' });
  });

  it('refuses a release that another key signed', async () => {
    const { url, out } = await deploy();
    const script = await readFile(join(out, WORKER_SCRIPT), 'utf8');
    await writeFile(
      join(out, WORKER_SCRIPT),
      script.replace(/"keys":\["[0-9a-f]{64}"\]/, `"keys":["${'cd'.repeat(32)}"]`),
    );
    await expect(start(url)).rejects.toMatchObject({ code: 'release-refused' });
  });
});
