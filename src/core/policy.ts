import type { Settings } from '../protocol/settings.ts';
import { WRITE_AT_ONCE_BYTES, WRITE_BEHIND_BYTES } from './store-writer.ts';

/** Numbers that a deployment or a test may choose; the defaults are for a browser tab. */
export interface SwarmPolicy {
  /** Connections that it keeps; asks for partners until it has them. */
  readonly wantedPeers: number;
  /** Connections that it accepts. */
  readonly maximumPeers: number;
  /** RTCPeerConnection constructions per hour: Chromium allows 500 per page until garbage collection. */
  readonly dialsPerHour: number;
  /** Longest that bulk chunks wait, after the start, for the first peer to turn up. */
  readonly bulkOriginDelayMs: number;
  /** The same in a room without a partner: one is named in the same round trip as the welcome, or there is none. */
  readonly aloneOriginDelayMs: number;
  /** How late an urgent chunk may be from a peer before the origin is asked as well. */
  readonly urgentHedgeMs: number;
  /** Peers that give so much together are not helped by the origin (Delivery Optimization: minimum QoS). */
  readonly minimumPeerBytesPerSecond: number;
  /** Files with fewer plain bytes come from the origin alone (Delivery Optimization: minimum file size to cache). */
  readonly minimumFileBytes: number;
  /** Most that all peers together are given; `undefined`: no cap. */
  readonly uploadBytesPerSecond: number | undefined;
  /** All peers are behind the same network exit (mode `site`). */
  readonly isSiteOnly: boolean;
  /** Chunks of the last half minute that stay in memory for peers, in bytes. */
  readonly recentBytes: number;
  /** Parallel Range requests. */
  readonly originSpans: number;
  /** Whether what is leased is fetched as a whole, also what nobody here has asked for yet. */
  readonly completesLeases: boolean;
  /** Whether a file that is wholly missing may come in its plain form, which web servers compress better than packs. */
  readonly takesPlainFiles: boolean;
  /** Chunks that wait for a pause in the transfer before they are written; the most that a crash costs. */
  readonly writeBehindBytes: number;
}

export const TAB_POLICY: SwarmPolicy = {
  wantedPeers: 6,
  maximumPeers: 20,
  dialsPerHour: 100,
  // Joining and the first connection take 0.3–1.5 s, up to 3.4 s where twelve browsers that start at once fill two cores.
  bulkOriginDelayMs: 3500,
  aloneOriginDelayMs: 500,
  urgentHedgeMs: 150,
  minimumPeerBytesPerSecond: 125_000,
  minimumFileBytes: 0,
  uploadBytesPerSecond: undefined,
  isSiteOnly: false,
  // Peers that start together are seconds apart in the same file; a whole large file of one app fits too.
  recentBytes: 64 * 1024 * 1024,
  originSpans: 6,
  // Pages read in order, and will come to it.
  completesLeases: true,
  takesPlainFiles: true,
  writeBehindBytes: WRITE_BEHIND_BYTES,
};

/** A headless peer has no page to slow down, may be killed at any moment, and its system keeps files in memory. */
export const NODE_POLICY: SwarmPolicy = {
  ...TAB_POLICY,
  wantedPeers: 8,
  maximumPeers: 60,
  dialsPerHour: 1000,
  // Nobody waits for it: a partner that is named has the time to connect on a busy machine.
  bulkOriginDelayMs: 10_000,
  // Nor does it go to the origin for what a partner gives slowly; who stalls is left all the same.
  minimumPeerBytesPerSecond: 0,
  // It asks for all that its disk has room for.
  completesLeases: false,
  writeBehindBytes: WRITE_AT_ONCE_BYTES,
  // What it stores it gives away many times: as packs have it.
  takesPlainFiles: false,
  recentBytes: 0,
};

/** What the publisher has decided goes before the engine's own. */
export function policyFor(
  { mode, originDelayMs, minPeerBytesPerSecond, minFileBytes }: Settings,
  policy: SwarmPolicy,
): SwarmPolicy {
  return {
    ...policy,
    isSiteOnly: mode === 'site',
    bulkOriginDelayMs: originDelayMs ?? policy.bulkOriginDelayMs,
    aloneOriginDelayMs: originDelayMs ?? policy.aloneOriginDelayMs,
    minimumPeerBytesPerSecond: minPeerBytesPerSecond ?? policy.minimumPeerBytesPerSecond,
    minimumFileBytes: minFileBytes ?? policy.minimumFileBytes,
  };
}
