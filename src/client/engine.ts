import type { ChunkReceiver, Swarm, SwarmEvents, Want } from '../core/swarm.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';

export type { ChunkReceiver, Want };

/** What the worker wants to be served. */
export interface Releases {
  readonly config: WorkerConfig;
  /** Encoded manifests, newest first. They stay encoded in the page part: a decoder would be a third of its size. */
  readonly manifests: readonly ArrayBuffer[];
  /** Their pointer files, in the same order. */
  readonly pointers: readonly ArrayBuffer[];
  /** The newest is to be brought into the store. */
  readonly stage: boolean;
}

export interface EngineEvents extends Omit<SwarmEvents, 'onPointer'> {
  /** A peer has brought a newer release. @throws TabseedError when the worker refuses it. */
  offer(pointer: Uint8Array, manifest: Uint8Array): Promise<void>;
}

/** What a leader uses of the swarm engine. */
export interface Engine extends Pick<Swarm, 'fetch' | 'noteStored' | 'peerCount' | 'setUploading' | 'close'> {
  /**
   * Replaces the releases that are traded. False when they need another engine: another deployment, or other settings.
   * @throws ProtocolError
   */
  setReleases(releases: Releases): boolean;
}

/** Why there is no engine: there is no release, or the newest allows no peers before the user agreed. */
export type Declined = 'off' | 'consent-wanted';

/** Loads the engine's script, builds its ports and opens it, as far as the newest release's settings allow. */
export type StartEngine = (releases: Releases, agreed: boolean, events: EngineEvents) => Promise<Engine | Declined>;
