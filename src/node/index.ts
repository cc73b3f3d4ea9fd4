/**
 * A headless peer: mirrors an app from its origin or its swarm, verified, and seeds it.
 *
 * @packageDocumentation
 */
export { NODE_POLICY, type SwarmPolicy } from '../core/policy.ts';
export type { Clock, Log } from '../core/ports.ts';
export type { Traffic } from '../protocol/traffic.ts';
export { NodePeerError, type NodePeerErrorCode } from './errors.ts';
export type { NodePeer, NodePeerProgress } from './mirroring-peer.ts';
export { createNodePeer, type NodePeerOptions } from './node-peer.ts';
