import { mkdir } from 'node:fs/promises';
import { OriginError } from '../core/errors.ts';
import { NODE_POLICY, policyFor, type SwarmPolicy } from '../core/policy.ts';
import type { Clock, Digest, Log } from '../core/ports.ts';
import { silentLog } from '../platform/log.ts';
import type { LoadedRelease } from '../platform/release-source.ts';
import { subtleDigest } from '../platform/subtle-digest.ts';
import { systemClock, systemRandom } from '../platform/system-clock.ts';
import { decodeSettings } from '../protocol/settings.ts';
import { CountedDialer } from './counted-dialer.ts';
import { DiskRecords } from './disk-records.ts';
import { DiskStore } from './disk-store.ts';
import { NodePeerError, retired } from './errors.ts';
import { keepRelease, readKeptRelease } from './kept-release.ts';
import { MirroringPeer, type NodePeerProgress } from './mirroring-peer.ts';
import { ObservedStore } from './observed-store.ts';
import { checkRelease } from './release-check.ts';
import { DEFAULT_RTC_LIBRARY, loadDialer, type RtcLibrary } from './rtc-library.ts';
import { scopeOf } from './scope.ts';
import { establishTrust, type Trust } from './trust.ts';

/** What crosses into the process of the engine. */
export interface PeerSettings {
  /** Where the app is served: the folder of its `tabseed-sw.js`. */
  readonly url: string;
  /** Folder for chunks, the newest releases and the keys that are trusted; made if it is not there. */
  readonly store: string;
  /**
   * Ed25519 public keys in hex, one of which must have signed the release.
   *
   * @default the keys that the origin named at the first start with this store
   */
  readonly publicKeys?: readonly string[] | undefined;
  /** Most that all browsers together are given; the cap of the release is for browsers. @default no cap */
  readonly uploadBytesPerSecond?: number | undefined;
  /** Most that the files of all chunks may take on the disk. @default no limit */
  readonly diskLimitBytes?: number | undefined;
  /** WebRTC for Node. @default `datachannel` */
  readonly rtc?: RtcLibrary | undefined;
  /** @default NODE_POLICY, with what the app's publisher decided */
  readonly policy?: SwarmPolicy | undefined;
}

/** What the engine tells, and what a test replaces. */
export interface PeerSurroundings {
  readonly onProgress?: (progress: NodePeerProgress) => void;
  readonly onUnfit?: (chunkCount: number) => void;
  readonly clock?: Clock;
  readonly log?: Log;
}

/** A peer in this process. */
export interface LocalPeer {
  readonly peer: MirroringPeer;
  /** Connections constructed so far. */
  readonly dialCount: () => number;
}

/**
 * Starts a peer in this process, which a fault of native code ends: `createNodePeer` gives it one of its own. Nobody else
 * may work with the store.
 *
 * @throws NodePeerError, OriginError, StoreError
 */
export async function startLocalPeer(settings: PeerSettings, surroundings: PeerSurroundings = {}): Promise<LocalPeer> {
  const base = scopeOf(settings.url);
  await mkdir(settings.store, { recursive: true });
  const records = new DiskRecords(settings.store);
  await records.sweep();
  const trust = await establishTrust({ base, fetch, records, publicKeys: settings.publicKeys });
  const digest = subtleDigest();
  const { release, previous } = await releases(base, trust, records, digest);
  const appSettings = decodeSettings(release.manifest.settings);
  if (appSettings.mode === 'off') {
    throw new NodePeerError('peers-off', `${base} is published with --mode off: nobody may be seeded`);
  }
  const clock = surroundings.clock ?? systemClock();
  // Delay and rate are for whom a user waits.
  const forSeeds = { ...appSettings, originDelayMs: undefined, minPeerBytesPerSecond: undefined };
  const policy = settings.policy ?? policyFor(forSeeds, NODE_POLICY);
  const dialer = new CountedDialer(await loadDialer(settings.rtc ?? DEFAULT_RTC_LIBRARY, clock), clock);
  const { diskLimitBytes } = settings;
  const disk = await DiskStore.open(settings.store, diskLimitBytes);
  const peer = new MirroringPeer({
    base,
    trust,
    records,
    digest,
    clock,
    random: systemRandom(),
    store: new ObservedStore(disk),
    dialer,
    diskLimit:
      diskLimitBytes === undefined ? undefined : { bytes: diskLimitBytes, diskBytesOf: (id) => disk.diskBytesOf(id) },
    policy: { ...policy, uploadBytesPerSecond: settings.uploadBytesPerSecond ?? policy.uploadBytesPerSecond },
    log: surroundings.log ?? silentLog(),
    onProgress: surroundings.onProgress ?? (() => undefined),
    onUnfit: surroundings.onUnfit ?? (() => undefined),
  });
  await peer.start(release, previous);
  return { peer, dialCount: () => dialer.dialCount };
}

/** The newest release, and the one before that browsers may still have. */
async function releases(
  base: string,
  trust: Trust,
  records: DiskRecords,
  digest: Digest,
): Promise<{ release: LoadedRelease; previous: LoadedRelease | undefined }> {
  const kept = await readKeptRelease('newest', records, trust.config, digest);
  const release = await newestRelease(base, trust, kept, digest);
  const isNew = release.manifest.sequence !== kept?.manifest.sequence;
  if (isNew && kept !== undefined) await keepRelease('previous', records, kept);
  if (release !== kept) await keepRelease('newest', records, release);
  return { release, previous: isNew ? kept : await readKeptRelease('previous', records, trust.config, digest) };
}

async function newestRelease(
  base: string,
  { config }: Trust,
  kept: LoadedRelease | undefined,
  digest: Digest,
): Promise<LoadedRelease> {
  try {
    const found = await checkRelease(base, config, kept, digest);
    if (found.outcome === 'new') return found;
    if (found.outcome === 'renewed' && kept !== undefined) return { ...kept, ...found };
    if (found.outcome === 'refused' && found.code === 'retired') throw retired(base);
    if (kept !== undefined) return kept;
    const reason = found.outcome === 'refused' ? found.code : 'no release';
    throw new NodePeerError('release-refused', `the release at ${base} is refused: ${reason}`);
  } catch (error) {
    if (error instanceof OriginError && kept !== undefined) return kept;
    throw error;
  }
}
