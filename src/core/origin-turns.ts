import type { PeerId } from '../protocol/identifier.ts';
import { CHUNKS_PER_LEASE } from '../protocol/limits.ts';
import type { ChunkLocation } from './catalog.ts';

/** What decides whose turn it is to fetch bulk chunks that no partner has. */
export interface TurnFacts {
  readonly nowMs: number;
  /** Whether a server gives out leases now. */
  readonly hasServer: boolean;
  /** Since when there is none. */
  readonly serverLostMs: number;
  /** This peer's id, `undefined` before the first welcome. */
  readonly self: PeerId | undefined;
  /** Connected ones. */
  readonly partners: readonly PeerId[];
  /** Those named by the server to whom the way is being tried. */
  readonly dialing: readonly PeerId[];
  /** When a chunk last came, a lease was granted, or the server went away: from then on patience is counted. */
  readonly progressMs: number;
}

/**
 * Longest that everything may stand still while somebody else has the lease. A holder that is silent loses it after
 * 20 s at most, usually a few; who waits for nothing else does not wait that long. Connecting takes 0.3 to 1.5 s, and up
 * to 5 s on a busy machine: a partner that is not connected by then may never be.
 */
export const PATIENCE_MS = 5000;
/** Without a server, the second in rank waits so long for the first: a span of 1 MiB at 6 Mbit/s. */
const RANK_STEP_MS = 1500;
const WEIGHTS = 2 ** 32;

/**
 * Whether it is this peer's turn to fetch a chunk from the origin for everybody. With a server, its lease says so. While
 * the server is away, leases hold for PATIENCE_MS, and as long as chunks of them turn up (`isArriving`); then partners
 * rank themselves for each unit by a hash that all of them compute alike (highest random weight, Thaler and Ravishankar
 * 1998), and the later ones wait for the earlier.
 */
export function isOurTurn(location: ChunkLocation, isLeased: boolean, isArriving: boolean, facts: TurnFacts): boolean {
  const { self, hasServer, partners, dialing } = facts;
  if (isLeased || self === undefined) return true;
  // What the server had granted is being fetched still, nobody knows by whom. That time is nobody's patience: those who
  // counted it would all go at its end.
  const grantedUntilMs = hasServer || partners.length === 0 ? facts.progressMs : facts.serverLostMs + PATIENCE_MS;
  const waitedMs = facts.nowMs - Math.max(facts.progressMs, grantedUntilMs);
  if (waitedMs < 0 || (!hasServer && partners.length > 0 && isArriving)) return false;
  // Most have to wait whatever their rank: that is cheap to say, and asked for each chunk.
  const shortestMs = hasServer ? patienceMs(partners.length, dialing.length) : 0;
  if (waitedMs < shortestMs) return false;
  const unit = `${location.pack.id}.${Math.floor(location.index / CHUNKS_PER_LEASE)}`;
  const own = weight(self, unit);
  // Patience ends for all at about the same time: if all went then, each would take a copy. Many who start together on
  // one busy machine need seconds to connect, so those who are being connected count, too.
  const known = hasServer ? [...partners, ...dialing] : partners;
  const before = known.filter((partner) => weight(partner, unit) > own).length;
  // In a crowd whose members do not all know each other several are first among theirs. The more a weight is below the
  // largest that there can be, the likelier somebody else is before it: it waits for what that one may be giving already.
  const unseen = hasServer || partners.length === 0 ? 0 : 1 - own / WEIGHTS;
  const rankMs = (before + unseen) * RANK_STEP_MS;
  return waitedMs >= shortestMs + (hasServer && partners.length > 0 ? rankMs : Math.min(PATIENCE_MS, rankMs));
}

/** How long the first in rank waits for those who hold the leases. Who has no partner gets nothing from them. */
function patienceMs(partners: number, dialing: number): number {
  return partners + dialing > 0 ? PATIENCE_MS : RANK_STEP_MS;
}

/** FNV-1a, 32 bits, with a final mix: neighbouring ids must not give neighbouring weights. */
function weight(peer: PeerId, unit: string): number {
  let hash = 0x811c9dc5;
  for (const character of peer + unit) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 12)) >>> 0;
}
