/**
 * A headless peer: mirrors an app from its origin or its swarm, verified, and seeds it.
 *
 * @packageDocumentation
 */
export { NODE_POLICY, type SwarmPolicy } from '../core/policy.ts';
export type { Clock, Log } from '../core/ports.ts';
export type { Traffic } from '../protocol/traffic.ts';
export { NodePeerError, type NodePeerErrorCode } from './errors.ts';
export { createNodePeer, type NodePeer, type NodePeerOptions, type NodePeerProgress } from './node-peer.ts';
