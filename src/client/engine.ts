import type { ChunkReceiver, Swarm, SwarmEvents, Want } from '../core/swarm.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';

export type { ChunkReceiver, SwarmEvents, Want };

/** What the worker wants to be served. */
export interface Releases {
  readonly config: WorkerConfig;
  /** Encoded manifests, newest first. They stay encoded in the page part: a decoder would be a third of its size. */
  readonly manifests: readonly ArrayBuffer[];
}

/** What a leader uses of the swarm engine. */
export interface Engine extends Pick<Swarm, 'fetch' | 'noteStored' | 'peerCount' | 'close'> {
  /**
   * Replaces the releases that are traded. False when they need another engine: another deployment, another signaling
   * server, or a mode without peers. @throws ProtocolError
   */
  setReleases(releases: Releases): boolean;
}

/** Loads the engine's script, builds its ports and opens it; `undefined` when the releases' mode allows no peers. */
export type StartEngine = (releases: Releases, events: SwarmEvents) => Promise<Engine | undefined>;
