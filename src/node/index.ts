/**
 * A headless peer: mirrors an app from its origin or its swarm, verified, and seeds it.
 *
 * @packageDocumentation
 */
export { NODE_POLICY, type SwarmPolicy } from '../core/policy.ts';
export type { Log } from '../core/ports.ts';
export type { Traffic } from '../protocol/traffic.ts';
export type { NodePeerEvent } from './engine-supervisor.ts';
export { NodePeerError, type NodePeerErrorCode } from './errors.ts';
export type { NodePeer, NodePeerProgress } from './mirroring-peer.ts';
export { createNodePeer, type NodePeerOptions } from './node-peer.ts';
export type { RecyclingReason } from './recycling.ts';
export type { RtcLibrary } from './rtc-library.ts';
