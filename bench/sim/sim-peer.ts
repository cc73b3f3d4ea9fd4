import { TAB_POLICY } from '../../src/core/policy.ts';
import type { ChunkStore, Clock, Random, Signaling } from '../../src/core/ports.ts';
import { Swarm } from '../../src/core/swarm.ts';
import { writeUnits } from '../../src/protocol/lease-units.ts';
import { CHUNKS_PER_LEASE, MAX_LEASES } from '../../src/protocol/limits.ts';
import { addTraffic, noTraffic } from '../../src/protocol/traffic.ts';
import type { PeerPlan } from './scenario.ts';
import { Host, type HostProfile, type SimNetwork } from './sim-network.ts';
import type { SimOrigin } from './sim-origin.ts';
import { type SimRelease, simCodec } from './sim-release.ts';

export interface PeerWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly release: SimRelease;
  readonly network: SimNetwork;
  readonly origin: SimOrigin;
}

/** One engine with its machine and line, and what became of it. */
export class SimPeer {
  readonly plan: PeerPlan;
  readonly host: Host;
  readonly traffic = noTraffic();
  completedMs: number | undefined;
  isGone = false;
  bans = 0;
  /** Chunks handed to the page that were not what they are called. */
  wrongChunks = 0;
  readonly #signaling: Signaling;
  readonly #release: SimRelease;
  readonly #clock: Clock;
  readonly #swarm: Swarm;
  readonly #onDone: (peer: SimPeer) => void;

  constructor(
    world: PeerWorld,
    plan: PeerPlan,
    profile: HostProfile,
    signaling: Signaling,
    onDone: (peer: SimPeer) => void,
  ) {
    this.plan = plan;
    this.#clock = world.clock;
    this.#release = world.release;
    this.#signaling = signaling;
    this.#onDone = onDone;
    this.host = new Host(world.clock, profile);
    this.#swarm = new Swarm(
      {
        clock: world.clock,
        random: world.random,
        digest: world.release.digest(),
        codec: simCodec,
        store: storeOf(world.release, plan.role === 'polluter'),
        origin: world.origin.seenBy(this.host),
        signaling,
        dialer: world.network.dialer(this.host),
        log: { debug: () => undefined },
      },
      TAB_POLICY,
      {
        onPeers: () => undefined,
        onTraffic: (delta) => addTraffic(this.traffic, delta),
        onPointer: () => undefined,
        onBan: () => {
          this.bans += 1;
        },
      },
    );
    this.#swarm.setReleases([world.release.manifest]);
  }

  /** What it waits for is what decides when the simulation is over. */
  get counts(): boolean {
    return !this.isGone && (this.plan.role === 'honest' || this.plan.role === 'free-rider');
  }

  async start(): Promise<void> {
    if (this.plan.role === 'hoarder') {
      this.#hoard();
      return;
    }
    if (this.plan.role === 'free-rider') this.#swarm.setUploading(false);
    await this.#swarm.start();
    if (this.plan.role === 'polluter') return;
    let missing = this.#release.ids.length;
    this.#swarm.fetch(this.#release.ids, 'bulk', {
      onChunk: (chunk, plain) => {
        if (this.#release.idOf(plain) !== chunk) this.wrongChunks += 1;
        missing -= 1;
        if (missing > 0) return;
        this.completedMs = this.#clock.now();
        this.#onDone(this);
      },
      onMissing: (chunk) => {
        throw new Error(`chunk ${chunk} is missing`);
      },
    });
  }

  /** Its machine is off from one moment to the next. */
  vanish(): void {
    this.isGone = true;
    void this.#signaling.close();
    for (const link of [...this.host.links]) link.lose();
    void this.#swarm.close();
  }

  /** Wants all leases that it can get, for ever, and fetches nothing. */
  #hoard(): void {
    const packs = this.#release.manifest.packs.map(({ id, chunks }) => ({
      pack: id,
      units: writeUnits(Array.from({ length: Math.ceil(chunks.length / CHUNKS_PER_LEASE) }, (_, unit) => unit)),
    }));
    const ask = (): void => {
      this.#signaling.want({ leases: MAX_LEASES, packs });
      this.#clock.after(1000, ask);
    };
    const ignore = (): undefined => undefined;
    this.#signaling.open({
      onWelcome: ask,
      onPartner: ({ peer }) => this.#signaling.unmatch(peer),
      onSignal: ignore,
      onGone: ignore,
      onLeases: ignore,
      onDown: ignore,
    });
  }
}

/** Every peer's disk: what was put there is what the release says, so nothing need be kept. */
function storeOf(release: SimRelease, isFull: boolean): ChunkStore {
  const held = new Set<string>(isFull ? release.ids : []);
  return {
    list: () => Promise.resolve([...held]),
    get: (ids) =>
      Promise.resolve(
        ids.map((id) =>
          held.has(id) ? { encoding: 'identity', bytes: release.chunk(Number.parseInt(id, 16)) } : undefined,
        ),
      ),
    put: (chunks) => {
      for (const id of chunks.keys()) held.add(id);
      return Promise.resolve();
    },
    delete: (ids) => {
      for (const id of ids) held.delete(id);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
