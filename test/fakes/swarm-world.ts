import { createHash } from 'node:crypto';
import { type SwarmPolicy, TAB_POLICY } from '../../src/core/policy.ts';
import type { SwarmPorts } from '../../src/core/ports.ts';
import { Swarm } from '../../src/core/swarm.ts';
import type { WantUrgency } from '../../src/protocol/bridge-message.ts';
import { chunksOfFile } from '../../src/protocol/manifest.ts';
import { addTraffic, noTraffic } from '../../src/protocol/traffic.ts';
import { MemoryNetwork } from './memory-dialer.ts';
import type { LinkQuality } from './memory-link.ts';
import { MemorySignalingHub } from './memory-signaling.ts';
import { MemoryStore } from './memory-store.ts';
import { ScriptedOrigin } from './scripted-origin.ts';
import { SeededRandom } from './seeded-random.ts';
import { syncCodec } from './sync-codec.ts';
import { syncDigest } from './sync-digest.ts';
import type { TinyRelease } from './tiny-release.ts';
import { VirtualClock } from './virtual-clock.ts';

const ROOM = 'ab'.repeat(32);
const GOOD_LINK: LinkQuality = { latencyMs: 10, bytesPerSecond: 10_000_000 };

/** Many engines, one origin and one signaling hub in one process, on virtual time and seeded chance. */
export class SwarmWorld {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly hub: MemorySignalingHub;
  readonly network: MemoryNetwork;
  readonly origin: ScriptedOrigin;
  readonly engines: WorldEngine[] = [];

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.hub = new MemorySignalingHub({ clock: this.clock, random: this.random, latencyMs: 20 });
    this.network = new MemoryNetwork(this.clock);
    this.origin = new ScriptedOrigin({ clock: this.clock, latencyMs: 30, bytesPerSecond: 10_000_000 });
  }

  publish(release: TinyRelease): void {
    for (const [id, bytes] of release.packs) this.origin.packs.set(id, bytes);
    for (const [path, bytes] of release.files) this.origin.files.set(path, bytes);
  }

  /** A started engine that knows `releases`, newest first. */
  async join(releases: readonly TinyRelease[], options: EngineOptions = {}): Promise<WorldEngine> {
    const engine = new WorldEngine(this, releases, options);
    this.engines.push(engine);
    await engine.swarm.start();
    return engine;
  }

  portsFor(store: MemoryStore, link: LinkQuality): SwarmPorts {
    return {
      clock: this.clock,
      random: this.random,
      digest: syncDigest(),
      codec: syncCodec(),
      store,
      origin: this.origin,
      signaling: this.hub.signaling(ROOM),
      dialer: this.network.dialer(link),
      log: { debug: () => undefined },
    };
  }
}

interface EngineOptions {
  readonly link?: LinkQuality;
  readonly policy?: Partial<SwarmPolicy>;
  readonly store?: MemoryStore;
}

/** One engine of the world, with what it did. */
export class WorldEngine {
  readonly store: MemoryStore;
  readonly swarm: Swarm;
  readonly traffic = noTraffic();
  readonly bans: string[] = [];
  readonly pointers: { peer: string; pointer: Uint8Array }[] = [];
  readonly #world: SwarmWorld;

  constructor(world: SwarmWorld, releases: readonly TinyRelease[], options: EngineOptions) {
    this.#world = world;
    this.store = options.store ?? new MemoryStore();
    this.swarm = new Swarm(
      world.portsFor(this.store, options.link ?? GOOD_LINK),
      { ...TAB_POLICY, ...options.policy },
      {
        onPeers: () => undefined,
        onTraffic: (delta) => addTraffic(this.traffic, delta),
        onBan: (peer) => this.bans.push(peer),
        onPointer: (peer, pointer) => this.pointers.push({ peer, pointer }),
      },
    );
    this.swarm.setReleases(releases.map((release) => release.manifest));
  }

  /** Fetches a file; `bytes` is complete when `done`. */
  fetchFile(release: TinyRelease, path: string, urgency: WantUrgency): FileFetch {
    const file = release.manifest.files.find((candidate) => candidate.path === path);
    if (file === undefined) throw new Error(`no file ${path}`);
    const order = chunksOfFile(release.manifest, file).map((chunk) => chunk.id);
    const expected = new Set(order).size;
    const parts = new Map<string, Uint8Array>();
    const fetch: FileFetch = {
      missing: [],
      cancel: () => want.cancel(),
      get done() {
        return parts.size + fetch.missing.length === expected;
      },
      get hash() {
        const digest = createHash('sha256');
        for (const id of order) digest.update(parts.get(id) ?? '');
        return digest.digest('hex');
      },
    };
    const want = this.swarm.fetch(order, urgency, {
      onChunk: (id, plain) => {
        if (parts.has(id)) throw new Error(`chunk ${id} was delivered twice`);
        parts.set(id, plain);
      },
      onMissing: (id) => fetch.missing.push(id),
    });
    return fetch;
  }

  /** Fetches all files and waits until they are there, and written. */
  async mirror(release: TinyRelease): Promise<void> {
    const fetches = release.manifest.files.map((file) => ({ file, fetch: this.fetchFile(release, file.path, 'bulk') }));
    await this.#world.clock.runUntil(() => fetches.every(({ fetch }) => fetch.done));
    await this.#world.clock.advance(500);
    for (const { file, fetch } of fetches) {
      if (fetch.hash !== file.hash) throw new Error(`${file.path} has the wrong bytes`);
    }
  }
}

export interface FileFetch {
  readonly missing: string[];
  readonly done: boolean;
  /** SHA-256 of what has arrived, in the file's order. */
  readonly hash: string;
  cancel(): void;
}
