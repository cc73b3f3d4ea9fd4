import type { ChunkLocation } from './catalog.ts';
import type { WantedChunk } from './demand.ts';
import type { SwarmPolicy } from './policy.ts';
import type { Speed } from './source-speed.ts';

/** What the engine knows about the ways to get chunks, the same for all of them at one moment. */
export interface SourceFacts {
  readonly nowMs: number;
  /** Nobody is connected or being connected. */
  readonly isAlone: boolean;
  /** Peers may still turn up in these first moments. */
  readonly introducing: boolean;
  /** No peer is connected or can be found. */
  readonly cutOff: boolean;
  /** See `arePeersSlow`. */
  readonly peersAreSlow: boolean;
  /** Whether this peer is the one to fetch a bulk chunk that no partner has, or that they are too slow to give. */
  readonly isOurTurn: (location: ChunkLocation) => boolean;
}

/** So much faster than all peers together the origin has to be before it helps them. */
const ORIGIN_LEAD = 4;

/**
 * Whether the origin should help with bulk chunks that peers have: they give less than `minimumPeerBytesPerSecond`, less
 * than a quarter of what the origin was measured to give, and do not get faster. What is fetched for all counts as given
 * by peers: who fetches most of it gets little of others, and needs little. So bulk from peers takes four times as
 * long as from the origin at most, or comes at the minimum rate. A crowd that has just come is slow at first; if each of
 * it went to the origin then, each would take a copy.
 */
export function arePeersSlow(shared: Speed, origin: Speed, policy: SwarmPolicy): boolean {
  if (shared.recentBytesPerMs === undefined || shared.isGrowing) return false;
  if (shared.recentBytesPerMs * 1000 >= policy.minimumPeerBytesPerSecond) return false;
  return origin.bytesPerMs === undefined || shared.recentBytesPerMs * ORIGIN_LEAD < origin.bytesPerMs;
}

/** How long a chunk that the origin refused waits for a peer that has it before it counts as missing. */
const GIVE_UP_MS = 8000;

/**
 * Whether the origin is asked for this chunk now. `peerHasIt`: a connected peer says that it has it.
 *
 * Urgent chunks are hedged: at once when no peer has them, else when a peer has not delivered within `urgentHedgeMs`.
 * What is not shared comes at once.
 * Bulk chunks are patient: never while a peer that has them is fast enough, not during the introduction, and only when
 * it is our turn (`origin-turns.ts`).
 */
export function askOrigin(wanted: WantedChunk, peerHasIt: boolean, facts: SourceFacts, policy: SwarmPolicy): boolean {
  if (wanted.arrived || wanted.atOrigin || facts.nowMs < wanted.originRetryAtMs) return false;
  if (!wanted.isShared) return true;
  switch (wanted.urgency) {
    case 'urgent':
      if (!peerHasIt) return true;
      return facts.nowMs - wanted.wantedAtMs >= policy.urgentHedgeMs;
    case 'bulk':
      if (wanted.peer !== undefined) return false;
      if (peerHasIt && !facts.peersAreSlow) return false;
      return !facts.introducing && facts.isOurTurn(wanted.location);
    default:
      return wanted.urgency satisfies never;
  }
}

/** Whether nobody can give this chunk: the origin refused it and no peer is in sight. */
export function isMissing(wanted: WantedChunk, peerHasIt: boolean, facts: SourceFacts): boolean {
  if (wanted.originFailures === 0 || wanted.atOrigin || wanted.peer !== undefined || wanted.arrived) return false;
  if (peerHasIt) return false;
  return facts.cutOff || facts.nowMs - wanted.wantedAtMs >= GIVE_UP_MS;
}
