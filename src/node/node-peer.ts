import { mkdir } from 'node:fs/promises';
import wrtc from '@roamhq/wrtc';
import { WebSocket } from 'ws';
import { OriginError } from '../core/errors.ts';
import { NODE_POLICY, type SwarmPolicy } from '../core/policy.ts';
import type { CancelTimer, Clock, Digest, Log, Random } from '../core/ports.ts';
import { Swarm } from '../core/swarm.ts';
import { httpOrigin } from '../platform/http-origin.ts';
import { silentLog } from '../platform/log.ts';
import { type LoadedRelease, loadRelease } from '../platform/release-source.ts';
import { roomOf } from '../platform/room-name.ts';
import { rtcDialer } from '../platform/rtc-dialer.ts';
import { signalUrl } from '../platform/signal-url.ts';
import { loadSimplePeer } from '../platform/simple-peer.ts';
import { subtleDigest } from '../platform/subtle-digest.ts';
import { systemClock, systemRandom } from '../platform/system-clock.ts';
import { webSocketSignaling } from '../platform/web-socket-signaling.ts';
import { MAX_SIGNAL_MESSAGE_BYTES } from '../protocol/limits.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { addTraffic, noTraffic, type Traffic } from '../protocol/traffic.ts';
import { DiskRecords } from './disk-records.ts';
import { DiskStore } from './disk-store.ts';
import { NodePeerError } from './errors.ts';
import { keepRelease, readKeptRelease } from './kept-release.ts';
import { Mirror, type MirrorProgress } from './mirror.ts';
import { ObservedStore } from './observed-store.ts';
import { establishTrust, type Trust } from './trust.ts';
import { zlibCodec } from './zlib-codec.ts';

/** New releases are looked for so often, give or take a quarter: a thousand seeds must not come all at once. */
const CHECK_MS = 60_000;
const CHECK_JITTER = 0.25;
/** From the attempt to the open socket; `ws` itself would wait for ever. */
const HANDSHAKE_LIMIT_MS = 10_000;

export interface NodePeerOptions {
  /** Where the app is served: the folder of its `tabseed-sw.js`. */
  readonly url: string;
  /** Folder for chunks, the newest release and the keys that are trusted; made if it is not there. */
  readonly store: string;
  /**
   * Ed25519 public keys in hex, one of which must have signed the release.
   *
   * @default the keys that the origin named at the first start with this store
   */
  readonly publicKeys?: readonly string[] | undefined;
  /** Told when chunks were stored, and at the start of a release. */
  readonly onProgress?: ((progress: NodePeerProgress) => void) | undefined;
  /** WebRTC for Node. @default `@roamhq/wrtc` */
  readonly wrtc?: object | undefined;
  /** @default NODE_POLICY */
  readonly policy?: SwarmPolicy | undefined;
  /** @default the system's */
  readonly clock?: Clock | undefined;
  /** @default silent */
  readonly log?: Log | undefined;
}

export interface NodePeerProgress extends MirrorProgress {
  readonly sequence: number;
  readonly peers: number;
}

/** A headless peer that mirrors the newest release of one app and seeds it. */
export interface NodePeer {
  /** Resolves when every chunk of the release that was the newest at the start is on disk, verified. */
  readonly mirrored: Promise<void>;
  readonly peerCount: number;
  /** Bytes moved since the start. */
  readonly traffic: Traffic;
  /** The newest release that it knows. */
  readonly release: { readonly sequence: number; readonly version: string };
  /** Leaves the swarm and writes what is left. */
  close(): Promise<void>;
}

/**
 * Starts a headless peer. While the origin is away, the release on disk is seeded.
 *
 * @throws NodePeerError, OriginError, StoreError
 */
export async function createNodePeer(options: NodePeerOptions): Promise<NodePeer> {
  const base = scopeOf(options.url);
  await mkdir(options.store, { recursive: true });
  const records = new DiskRecords(options.store);
  const trust = await establishTrust({ base, fetch, records, publicKeys: options.publicKeys });
  const digest = subtleDigest();
  const kept = await readKeptRelease(records, trust.config, digest);
  const release = await newestRelease(base, trust, kept, digest);
  if (release !== kept) await keepRelease(records, release);
  if (release.manifest.settings.mode === 'off') {
    throw new NodePeerError('peers-off', `${base} is published with --mode off: nobody may be seeded`);
  }
  const peer = new MirroringPeer({
    base,
    trust,
    records,
    digest,
    clock: options.clock ?? systemClock(),
    random: systemRandom(),
    store: new ObservedStore(await DiskStore.open(options.store)),
    wrtc: options.wrtc ?? wrtc,
    policy: options.policy ?? NODE_POLICY,
    log: options.log ?? silentLog(),
    onProgress: options.onProgress ?? (() => undefined),
  });
  await peer.start(release);
  return peer;
}

interface PeerParts {
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

class MirroringPeer implements NodePeer {
  readonly traffic = noTraffic();
  readonly mirrored: Promise<void>;
  readonly #parts: PeerParts;
  #swarm: Swarm | undefined;
  #mirror: Mirror | undefined;
  #release: LoadedRelease | undefined;
  #cancelCheck: CancelTimer | undefined;
  #isClosed = false;
  #resolveMirrored: () => void = () => undefined;
  #rejectMirrored: (error: NodePeerError) => void = () => undefined;

  constructor(parts: PeerParts) {
    this.#parts = parts;
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
    const swarm = this.#createSwarm(release.manifest, await roomOf(trust.published, digest));
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

  #createSwarm(manifest: Manifest, room: string): Swarm {
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
      signaling: webSocketSignaling({ url: signalUrl(base, manifest.settings.signal), room, clock, random, connect }),
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
      if (found.outcome === 'refused') log.debug('release-refused', { code: found.code });
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

async function newestRelease(
  base: string,
  { config }: Trust,
  kept: LoadedRelease | undefined,
  digest: Digest,
): Promise<LoadedRelease> {
  try {
    const found = await loadRelease({ base, fetch, config, known: kept?.pointer, now: Date.now, digest });
    if (found.outcome === 'new') return found;
    if (kept !== undefined) return kept;
    const reason = found.outcome === 'refused' ? found.code : 'no release';
    throw new NodePeerError('release-refused', `the release at ${base} is refused: ${reason}`);
  } catch (error) {
    if (error instanceof OriginError && kept !== undefined) return kept;
    throw error;
  }
}

function scopeOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new NodePeerError('bad-url', `"${text}" is not a URL of an app, such as https://app.example/`);
  }
  const url = new URL(text);
  url.search = '';
  url.hash = '';
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url.href;
}
