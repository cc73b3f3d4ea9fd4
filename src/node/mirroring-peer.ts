import { WebSocket } from 'ws';
import { Catalog } from '../core/catalog.ts';
import type { SwarmPolicy } from '../core/policy.ts';
import type { CancelTimer, Clock, Digest, Log, Random } from '../core/ports.ts';
import { Swarm } from '../core/swarm.ts';
import { httpOrigin } from '../platform/http-origin.ts';
import type { LoadedRelease } from '../platform/release-source.ts';
import { roomOf } from '../platform/room-name.ts';
import { signalUrl } from '../platform/signal-url.ts';
import { webSocketSignaling } from '../platform/web-socket-signaling.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import { MAX_SIGNAL_MESSAGE_BYTES } from '../protocol/limits.ts';
import { decodeSettings, reachOf, type Settings } from '../protocol/settings.ts';
import { addTraffic, noTraffic, type Traffic } from '../protocol/traffic.ts';
import type { CountedDialer } from './counted-dialer.ts';
import { mirrorByDelta } from './delta-mirror.ts';
import type { DiskRecords } from './disk-records.ts';
import { NodePeerError } from './errors.ts';
import { keepRelease } from './kept-release.ts';
import { Mirror, type MirrorProgress } from './mirror.ts';
import type { ObservedStore } from './observed-store.ts';
import { OriginRetirement } from './origin-retirement.ts';
import { checkRelease } from './release-check.ts';
import { Scrub } from './scrub.ts';
import { planStore } from './store-plan.ts';
import type { Trust } from './trust.ts';
import { zlibCodec } from './zlib-codec.ts';

/** New releases are looked for so often, give or take a quarter: a thousand seeds must not come all at once. */
const CHECK_MS = 60_000;
const CHECK_JITTER = 0.25;
/** From the attempt to the open socket; `ws` itself would wait for ever. */
const HANDSHAKE_LIMIT_MS = 10_000;
/** What is being sent may go on for so long. A container has ten seconds from SIGTERM to its end. */
const DRAIN_LIMIT_MS = 6000;
/** A link closes within two seconds. */
const LINKS_LIMIT_MS = 2500;

export interface NodePeerProgress extends MirrorProgress {
  readonly sequence: number;
  readonly peers: number;
}

/** A headless peer that mirrors the newest release of one app and seeds it. */
export interface NodePeer {
  /** Resolves when every chunk of the release that was the newest at the start is on disk, verified. */
  readonly mirrored: Promise<void>;
  /** Resolves when the app was retired, with a key or without: nothing is left to do but to close. */
  readonly retired: Promise<void>;
  readonly peerCount: number;
  /** Bytes moved since the start. */
  readonly traffic: Traffic;
  /** The newest release that it knows. */
  readonly release: { readonly sequence: number; readonly version: string };
  /** Takes no more requests, finishes what is being sent within some seconds, and leaves the swarm. */
  close(): Promise<void>;
}

/** All that a peer consists of. */
export interface PeerParts {
  readonly base: string;
  readonly trust: Trust;
  readonly records: DiskRecords;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: ObservedStore;
  readonly dialer: CountedDialer;
  readonly diskLimit: DiskLimit | undefined;
  readonly policy: SwarmPolicy;
  readonly log: Log;
  readonly onProgress: (progress: NodePeerProgress) => void;
  /** The cap is too small for the newest release: so many chunks of it are not kept. */
  readonly onUnfit: (chunkCount: number) => void;
}

interface DiskLimit {
  readonly bytes: number;
  readonly diskBytesOf: (id: ChunkId) => number;
}

export class MirroringPeer implements NodePeer {
  readonly traffic = noTraffic();
  readonly mirrored: Promise<void>;
  readonly retired: Promise<void>;
  readonly #parts: PeerParts;
  #swarm: Swarm | undefined;
  #mirror: Mirror | undefined;
  readonly #scrub: Scrub;
  readonly #retirement: OriginRetirement;
  #catalog = new Catalog([]);
  #isLeaving = false;
  #release: LoadedRelease | undefined;
  #cancelCheck: CancelTimer | undefined;
  #resolveMirrored: () => void = () => undefined;
  #resolveRetired: () => void = () => undefined;
  #rejectMirrored: (error: NodePeerError) => void = () => undefined;

  constructor(parts: PeerParts) {
    this.#parts = parts;
    this.retired = new Promise((resolve) => {
      this.#resolveRetired = resolve;
    });
    const { base, trust, store, digest, clock, log } = parts;
    this.#retirement = new OriginRetirement({ base, published: trust.published, fetch, clock });
    this.#scrub = new Scrub({ store, digest, clock, log, codec: zlibCodec(), catalog: () => this.#catalog });
    this.mirrored = new Promise((resolve, reject) => {
      this.#resolveMirrored = resolve;
      this.#rejectMirrored = reject;
    });
    // Whoever does not wait for it must not see the process end because of a close.
    this.mirrored.catch(() => undefined);
  }

  get peerCount(): number {
    return this.#swarm?.peerCount ?? 0;
  }

  get release(): { sequence: number; version: string } {
    const { sequence = 0, version = '' } = this.#release?.manifest ?? {};
    return { sequence, version };
  }

  /** @param previous the release before, as far as this store remembers it. */
  async start(release: LoadedRelease, previous: LoadedRelease | undefined): Promise<void> {
    const { digest, trust, store } = this.#parts;
    const settings = decodeSettings(release.manifest.settings);
    const swarm = this.#createSwarm(settings, await roomOf(trust.published, settings.group, digest));
    this.#swarm = swarm;
    await store.list();
    await this.#setRelease(swarm, release, previous, () => swarm.start());
    this.#scrub.start();
    this.#checkLater(swarm);
  }

  /** Leaves the room and writes nothing any more; what is being sent goes on until `close`. */
  async leave(): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#cancelCheck?.();
    this.#scrub.close();
    this.#mirror?.close();
    await this.#swarm?.leave();
  }

  async close(): Promise<void> {
    await this.leave();
    await this.#swarm?.drain(DRAIN_LIMIT_MS);
    await this.#parts.dialer.allClosed(LINKS_LIMIT_MS);
    await this.#parts.store.close();
    this.#rejectMirrored(new NodePeerError('closed', 'closed before the mirror was complete'));
  }

  #createSwarm({ mode, signal }: Settings, room: string): Swarm {
    const { base, digest, clock, random, store, log, policy } = this.#parts;
    const connect = (url: string): WebSocket =>
      new WebSocket(url, {
        maxPayload: MAX_SIGNAL_MESSAGE_BYTES,
        perMessageDeflate: false,
        handshakeTimeout: HANDSHAKE_LIMIT_MS,
      });
    const ports = {
      clock,
      random,
      digest,
      codec: zlibCodec(),
      store,
      origin: httpOrigin({ base, fetch }),
      signaling: webSocketSignaling({
        url: signalUrl(base, signal),
        room,
        reach: reachOf(mode),
        isSeed: true,
        clock,
        random,
        connect,
      }),
      dialer: this.#parts.dialer,
      log,
    };
    return new Swarm(ports, policy, {
      onPeers: (peers) => log.debug('peers', { peers }),
      onTraffic: (delta) => addTraffic(this.traffic, delta),
      // It mirrors what the origin has.
      onPointer: () => undefined,
      onBan: (peer, reason) => log.debug('ban', { peer, reason }),
    });
  }

  /**
   * The release before stays on offer for browsers that have not updated yet; what neither names is deleted.
   *
   * @param open called when the catalog is known and the disk has what it shall have.
   */
  async #setRelease(
    swarm: Swarm,
    release: LoadedRelease,
    previous: LoadedRelease | undefined,
    open: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const { store, clock, onProgress, onUnfit, diskLimit, log } = this.#parts;
    const isFirst = this.#release === undefined;
    const isWithdrawn = (previous?.manifest.sequence ?? 0) < release.pointer.minimumSequence;
    const offered = previous === undefined || isWithdrawn ? undefined : previous.manifest;
    this.#release = release;
    this.#mirror?.close();
    store.observer = undefined;
    const manifests = offered === undefined ? [release.manifest] : [release.manifest, offered];
    this.#catalog = new Catalog(manifests);
    swarm.setReleases(manifests);
    tellPeers(swarm, release);
    const plan = planStore({
      held: store.ids,
      diskBytesOf: (id) => diskLimit?.diskBytesOf(id) ?? 0,
      limitBytes: diskLimit?.bytes,
      newest: release.manifest,
      previous: offered,
    });
    const mirror = new Mirror(release.manifest, plan, {
      fetch: (...wanted) => swarm.fetch(...wanted),
      clock,
      onProgress: (progress) =>
        onProgress({ ...progress, sequence: release.manifest.sequence, peers: swarm.peerCount }),
      onComplete: () => {
        if (isFirst) this.#resolveMirrored();
      },
    });
    this.#mirror = mirror;
    store.observer = mirror;
    // What cannot be deleted takes room, and nothing else.
    await store.delete(plan.drop).catch((error: unknown) => log.debug('store-delete-failed', { error }));
    await open();
    if (plan.unfitCount > 0) onUnfit(plan.unfitCount);
    // Not waited for: a delta that nobody gives now must not hold up who starts or looks for releases.
    void this.#applyDelta(swarm, offered && previous, release, plan.fetch).then(() => {
      if (!this.#isLeaving && this.#mirror === mirror) mirror.start();
    });
  }

  /** What it does not make is fetched chunk by chunk afterwards. */
  async #applyDelta(
    swarm: Swarm,
    previous: LoadedRelease | undefined,
    release: LoadedRelease,
    wanted: ReadonlySet<ChunkId>,
  ): Promise<void> {
    if (previous === undefined || wanted.size === 0) return;
    const { digest, store, log } = this.#parts;
    const held = { hash: previous.pointer.manifestHash, manifest: previous.manifest };
    const isOver = (): boolean => this.#isLeaving || this.#release?.manifest.sequence !== release.manifest.sequence;
    try {
      await mirrorByDelta({ digest, store, swarm, isOver }, held, release.manifest, wanted);
    } catch (error) {
      log.debug('delta-failed', { error });
    }
  }

  #checkLater(swarm: Swarm): void {
    const { clock, random } = this.#parts;
    const delayMs = CHECK_MS * (1 + CHECK_JITTER * (2 * random.next() - 1));
    this.#cancelCheck = clock.after(delayMs, () => void this.#check(swarm));
  }

  async #check(swarm: Swarm): Promise<void> {
    const { base, trust, digest, records, log } = this.#parts;
    let failure: unknown;
    try {
      const found = await checkRelease(base, trust.config, this.#release, digest);
      if (this.#isLeaving) return;
      if (found.outcome === 'refused') {
        log.debug('release-refused', { code: found.code });
        if (found.code === 'retired') this.#resolveRetired();
      }
      if (found.outcome === 'renewed' && this.#release !== undefined) {
        const renewed = { ...this.#release, ...found };
        this.#release = renewed;
        tellPeers(swarm, renewed);
        await keepRelease('newest', records, renewed);
      }
      if (found.outcome === 'new') {
        const previous = this.#release;
        if (previous !== undefined) await keepRelease('previous', records, previous);
        await keepRelease('newest', records, found);
        await this.#setRelease(swarm, found, previous);
      }
    } catch (error) {
      // The origin or the disk is away for now: what is here is seeded on.
      log.debug('check-failed', { error });
      failure = error;
    }
    if (!this.#isLeaving && (await this.#retirement.isRetired(failure))) this.#resolveRetired();
    if (!this.#isLeaving) this.#checkLater(swarm);
  }
}

/** Browsers that cannot reach the origin learn of the release here, and get its manifest. */
function tellPeers(swarm: Swarm, { pointer, pointerBytes, manifestBytes }: LoadedRelease): void {
  swarm.setNews({ pointer: pointerBytes, manifestHash: pointer.manifestHash, manifest: manifestBytes });
}
