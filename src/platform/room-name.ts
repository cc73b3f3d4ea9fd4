import type { Digest } from '../core/ports.ts';
import type { Sha256 } from '../protocol/identifier.ts';
import { roomBytes } from '../protocol/room.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';

/** Names the swarm of an app, or of a group of its users, on a signaling server. */
export function roomOf(config: WorkerConfig, group: string | undefined, digest: Digest): Promise<Sha256> {
  return digest.sha256(roomBytes(config.app, config.channel, config.keys, group));
}
