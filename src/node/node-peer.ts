import type { Log } from '../core/ports.ts';
import { silentLog } from '../platform/log.ts';
import { systemClock, systemRandom } from '../platform/system-clock.ts';
import { forkEngine } from './engine.ts';
import { EngineSupervisor, type NodePeerEvent } from './engine-supervisor.ts';
import type { PeerSettings } from './local-peer.ts';
import type { NodePeer, NodePeerProgress } from './mirroring-peer.ts';
import { StoreLock } from './store-lock.ts';

export interface NodePeerOptions extends PeerSettings {
  /** Told when chunks were stored, and at the start of a release. */
  readonly onProgress?: ((progress: NodePeerProgress) => void) | undefined;
  /** Told of what an operator wants to see in a log. */
  readonly onEvent?: ((event: NodePeerEvent) => void) | undefined;
  /** @default silent */
  readonly log?: Log | undefined;
}

/**
 * Starts a headless peer in a process of its own, which is started again when it dies or hangs, and replaced before it
 * grows old. While the origin is away, the release on disk is seeded.
 *
 * @throws NodePeerError, OriginError, StoreError
 */
export async function createNodePeer(options: NodePeerOptions): Promise<NodePeer> {
  const { onProgress, onEvent, log, ...settings } = options;
  const lock = await StoreLock.take(settings.store);
  const supervisor = new EngineSupervisor({
    launch: (handlers) => forkEngine(settings, handlers),
    clock: systemClock(),
    random: systemRandom(),
    log: log ?? silentLog(),
    onProgress: onProgress ?? (() => undefined),
    onEvent: onEvent ?? (() => undefined),
    onClosed: () => lock.release(),
  });
  await supervisor.start();
  return supervisor;
}
