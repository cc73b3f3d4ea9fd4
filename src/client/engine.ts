import type { ChunkReceiver, Swarm, SwarmEvents, Want } from '../core/swarm.ts';
import type { Manifest, Settings } from '../protocol/manifest.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';

/** What a leader uses of the swarm engine. */
export type Engine = Pick<Swarm, 'setReleases' | 'fetch' | 'noteStored' | 'peerCount' | 'close'>;
export type { ChunkReceiver, SwarmEvents, Want };

/** Loads the engine's script, builds its ports and opens it. */
export type StartEngine = (options: EngineOptions) => Promise<Engine>;

export interface EngineOptions {
  readonly config: WorkerConfig;
  /** Of the newest release. */
  readonly settings: Settings;
  /** Newest first. */
  readonly manifests: readonly Manifest[];
  readonly events: SwarmEvents;
}
