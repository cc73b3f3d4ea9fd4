import { WebSocket } from 'ws';
import type { SwarmPolicy } from '../core/policy.ts';
import type { CancelTimer, Clock, Digest, Log, Random } from '../core/ports.ts';
import { Swarm } from '../core/swarm.ts';
import { httpOrigin } from '../platform/http-origin.ts';
import { type LoadedRelease, loadRelease } from '../platform/release-source.ts';
import { roomOf } from '../platform/room-name.ts';
import { rtcDialer } from '../platform/rtc-dialer.ts';
import { signalUrl } from '../platform/signal-url.ts';
import { loadSimplePeer } from '../platform/simple-peer.ts';
import { webSocketSignaling } from '../platform/web-socket-signaling.ts';
import { MAX_SIGNAL_MESSAGE_BYTES } from '../protocol/limits.ts';
import { decodeSettings, reachOf, type Settings } from '../protocol/settings.ts';
import { addTraffic, noTraffic, type Traffic } from '../protocol/traffic.ts';
import type { DiskRecords } from './disk-records.ts';
import { NodePeerError } from './errors.ts';
import { keepRelease } from './kept-release.ts';
import { Mirror, type MirrorProgress } from './mirror.ts';
import type { ObservedStore } from './observed-store.ts';
import type { Trust } from './trust.ts';
import { zlibCodec } from './zlib-codec.ts';

/** New releases are looked for so often, give or take a quarter: a thousand seeds must not come all at once. */
const CHECK_MS = 60_000;
const CHECK_JITTER = 0.25;
/** From the attempt to the open socket; `ws` itself would wait for ever. */
const HANDSHAKE_LIMIT_MS = 10_000;

export interface NodePeerProgress extends MirrorProgress {
  readonly sequence: number;
  readonly peers: number;
}

/** A headless peer that mirrors the newest release of one app and seeds it. */
export interface NodePeer {
  /** Resolves when every chunk of the release that was the newest at the start is on disk, verified. */
  readonly mirrored: Promise<void>;
  /** Resolves when a signed pointer has retired the app: nothing is left to do but to close. */
  readonly retired: Promise<void>;
  readonly peerCount: number;
  /** Bytes moved since the start. */
  readonly traffic: Traffic;
  /** The newest release that it knows. */
  readonly release: { readonly sequence: number; readonly version: string };
  /** Leaves the swarm and writes what is left. */
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
  readonly wrtc: object;
  readonly policy: SwarmPolicy;
  readonly log: Log;
  readonly onProgress: (progress: NodePeerProgress) => void;
}

export class MirroringPeer implements NodePeer {
  readonly traffic = noTraffic();
  readonly mirrored: Promise<void>;
  readonly retired: Promise<void>;
  readonly #parts: PeerParts;
  #swarm: Swarm | undefined;
  #mirror: Mirror | undefined;
  #release: LoadedRelease | undefined;
  #cancelCheck: CancelTimer | undefined;
  #isClosed = false;
  #resolveMirrored: () => void = () => undefined;
  #resolveRetired: () => void = () => undefined;
  #rejectMirrored: (error: NodePeerError) => void = () => undefined;

  constructor(parts: PeerParts) {
    this.#parts = parts;
    this.retired = new Promise((resolve) => {
      this.#resolveRetired = resolve;
    });
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

  async start(release: LoadedRelease): Promise<void> {
    const { digest, trust, store } = this.#parts;
    const settings = decodeSettings(release.manifest.settings);
    const swarm = this.#createSwarm(settings, await roomOf(trust.published, settings.group, digest));
    this.#swarm = swarm;
    swarm.setReleases([release.manifest]);
    await swarm.start();
    await store.list();
    this.#mirrorRelease(swarm, release);
    this.#checkLater(swarm);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelCheck?.();
    this.#mirror?.close();
    await this.#swarm?.close();
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
        clock,
        random,
        connect,
      }),
      dialer: rtcDialer({ load: loadSimplePeer, wrtc: this.#parts.wrtc, clock }),
      log,
    };
    return new Swarm(ports, policy, {
      onPeers: (peers) => log.debug('peers', { peers }),
      onTraffic: (delta) => addTraffic(this.traffic, delta),
      onBan: (peer, reason) => log.debug('ban', { peer, reason }),
    });
  }

  /** The release before stays on offer for browsers that have not updated yet. */
  #mirrorRelease(swarm: Swarm, release: LoadedRelease): void {
    const { store, clock, onProgress } = this.#parts;
    const previous = this.#release === undefined ? [] : [this.#release.manifest];
    const isFirst = this.#release === undefined;
    this.#release = release;
    swarm.setReleases([release.manifest, ...previous]);
    this.#mirror?.close();
    const mirror = new Mirror(release.manifest, store.ids, {
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
    mirror.start();
  }

  #checkLater(swarm: Swarm): void {
    const { clock, random } = this.#parts;
    const delayMs = CHECK_MS * (1 + CHECK_JITTER * (2 * random.next() - 1));
    this.#cancelCheck = clock.after(delayMs, () => void this.#check(swarm));
  }

  async #check(swarm: Swarm): Promise<void> {
    const { base, trust, digest, records, log } = this.#parts;
    const known = this.#release?.pointer;
    try {
      const found = await loadRelease({ base, fetch, config: trust.config, known, now: Date.now, digest });
      if (this.#isClosed) return;
      if (found.outcome === 'refused') {
        log.debug('release-refused', { code: found.code });
        if (found.code === 'retired') this.#resolveRetired();
      }
      if (found.outcome === 'new') {
        await keepRelease(records, found);
        this.#mirrorRelease(swarm, found);
      }
    } catch (error) {
      // The origin or the disk is away for now: what is here is seeded on.
      log.debug('check-failed', { error });
    }
    if (!this.#isClosed) this.#checkLater(swarm);
  }
}
