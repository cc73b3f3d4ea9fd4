import type { IceServer, SignalErrorCode } from '../protocol/signal-message.ts';
import { type ServerClock, systemClock } from './clock.ts';

export interface SignalServerOptions {
  /** Handed to every peer that joins. @default none: nobody is contacted whom the publisher did not name */
  readonly iceServers?: readonly IceServer[];
  /** @default 20000 */
  readonly maximumConnections?: number;
  /** Connections from one IPv4 address or IPv6 /64. @default 1000: a school or office behind one line */
  readonly maximumConnectionsPerNetwork?: number;
  /** @default 20000 */
  readonly maximumPeersPerRoom?: number;
  /** Partners that one peer may have at once. @default 60: as many as a Node seed keeps; a browser takes 20 and says no to more itself */
  readonly maximumPartners?: number;
  /** Partners that one `match` may bring. @default 8: DESIGN's 6–8 connections */
  readonly partnersPerMatch?: number;
  /** A proxy in front appends the client's address to X-Forwarded-For. @default false */
  readonly trustProxy?: boolean;
  readonly onEvent?: (event: SignalEvent) => void;
  /** @default the system's */
  readonly clock?: ServerClock;
  /** Uniform in [0, 1). Picks partners; peer ids are always from a cryptographic source. @default Math.random */
  readonly random?: () => number;
}

/** Something that an operator may want in a log. Holds no address and no peer id. */
export type SignalEvent =
  /** A connection was closed by the server. */
  | { readonly type: 'dropped'; readonly code: DropCode; readonly detail: string }
  /** A connection was refused before it became one. */
  | { readonly type: 'refused'; readonly reason: RefusalReason };

export type DropCode =
  | SignalErrorCode
  /** No answer to a ping. */
  | 'silent'
  /** It does not read what is sent to it. */
  | 'slow-reader'
  /** A broken or too large WebSocket frame; `ws` closes by itself. */
  | 'bad-frame';

export type RefusalReason = 'server-full' | 'network-full' | 'shutting-down';

export type ResolvedOptions = Required<SignalServerOptions>;

export function resolveOptions(options: SignalServerOptions): ResolvedOptions {
  return {
    iceServers: options.iceServers ?? [],
    maximumConnections: options.maximumConnections ?? 20_000,
    maximumConnectionsPerNetwork: options.maximumConnectionsPerNetwork ?? 1000,
    maximumPeersPerRoom: options.maximumPeersPerRoom ?? 20_000,
    maximumPartners: options.maximumPartners ?? 60,
    partnersPerMatch: options.partnersPerMatch ?? 8,
    trustProxy: options.trustProxy ?? false,
    onEvent: options.onEvent ?? (() => undefined),
    clock: options.clock ?? systemClock(),
    random: options.random ?? Math.random,
  };
}
