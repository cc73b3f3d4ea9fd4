import type { Traffic } from '../protocol/traffic.ts';
import type { PeerSettings } from './local-peer.ts';
import type { NodePeerProgress } from './mirroring-peer.ts';

/** What the supervisor tells the process of an engine. Both are of one version: nothing is decoded. */
export type EngineCommand =
  | { readonly type: 'start'; readonly settings: PeerSettings }
  /** Finish what is being sent, then end. */
  | { readonly type: 'stop' };

/** What that process tells. */
export type EngineReport =
  | { readonly type: 'started' }
  /** It could not start. */
  | { readonly type: 'failed'; readonly error: FailedStart }
  /** Each second: what it does, and that it is alive. */
  | { readonly type: 'status'; readonly status: EngineStatus }
  | { readonly type: 'progress'; readonly progress: NodePeerProgress }
  | { readonly type: 'unfit'; readonly chunkCount: number }
  | { readonly type: 'mirrored' }
  /** The app's publisher has retired it. */
  | { readonly type: 'retired' }
  /** It is stopping and does not use the disk for anything but reading: the next one may start. */
  | { readonly type: 'left' };

export interface FailedStart {
  readonly name: string;
  readonly code: string | undefined;
  readonly message: string;
}

export interface EngineStatus {
  readonly peers: number;
  readonly traffic: Traffic;
  readonly release: { readonly sequence: number; readonly version: string };
  readonly rssBytes: number;
  readonly dialCount: number;
}
