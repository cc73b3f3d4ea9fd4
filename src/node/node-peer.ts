import { mkdir } from 'node:fs/promises';
import wrtc from '@roamhq/wrtc';
import { OriginError } from '../core/errors.ts';
import { NODE_POLICY, type SwarmPolicy } from '../core/policy.ts';
import type { Clock, Digest, Log } from '../core/ports.ts';
import { silentLog } from '../platform/log.ts';
import { type LoadedRelease, loadRelease } from '../platform/release-source.ts';
import { subtleDigest } from '../platform/subtle-digest.ts';
import { systemClock, systemRandom } from '../platform/system-clock.ts';
import { allowPeers } from '../protocol/settings.ts';
import { DiskRecords } from './disk-records.ts';
import { DiskStore } from './disk-store.ts';
import { NodePeerError, retired } from './errors.ts';
import { keepRelease, readKeptRelease } from './kept-release.ts';
import { MirroringPeer, type NodePeer, type NodePeerProgress } from './mirroring-peer.ts';
import { ObservedStore } from './observed-store.ts';
import { establishTrust, type Trust } from './trust.ts';

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
  /** Most that all browsers together are given; the cap of the release is for browsers. @default no cap */
  readonly uploadBytesPerSecond?: number | undefined;
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
  if (!allowPeers(release.manifest.settings)) {
    throw new NodePeerError('peers-off', `${base} is published with --mode off: nobody may be seeded`);
  }
  const policy = options.policy ?? NODE_POLICY;
  const peer = new MirroringPeer({
    base,
    trust,
    records,
    digest,
    clock: options.clock ?? systemClock(),
    random: systemRandom(),
    store: new ObservedStore(await DiskStore.open(options.store)),
    wrtc: options.wrtc ?? wrtc,
    policy: { ...policy, uploadBytesPerSecond: options.uploadBytesPerSecond ?? policy.uploadBytesPerSecond },
    log: options.log ?? silentLog(),
    onProgress: options.onProgress ?? (() => undefined),
  });
  await peer.start(release);
  return peer;
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
    if (found.outcome === 'refused' && found.code === 'retired') throw retired(base);
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
