import type { Clock, Codec, Digest, Log, Origin } from '../core/ports.ts';
import type { ReleaseOutcome } from '../platform/release-source.ts';
import type { Manifest } from '../protocol/manifest.ts';
import type { Pointer } from '../protocol/pointer.ts';
import type { ReleasePath } from '../protocol/release-path.ts';
import type { Records } from './records.ts';
import type { StartCache } from './start-cache.ts';
import type { WorkerStore } from './tolerant-store.ts';

/** All that the worker needs besides its own global scope. */
export interface WorkerPorts {
  readonly clock: Clock;
  readonly digest: Digest;
  readonly codec: Codec;
  /** Of the engine's parts that the worker uses. */
  readonly log: Log;
  readonly origin: Origin;
  /** Never rejects but from `put`. */
  readonly store: WorkerStore;
  readonly records: Records;
  readonly startCache: StartCache;
  /** The browser's own: what passes is fetched as it was asked for. */
  readonly fetch: typeof fetch;
  /** @throws Error when no key of this worker signed it. */
  verifyPointer(bytes: Uint8Array<ArrayBuffer>): Promise<Pointer>;
  /**
   * @param offer files to look at in place of the origin's: pointer and manifest; untrusted
   * @throws Error when the origin is away.
   */
  loadRelease(known: Pointer | undefined, offer: unknown): Promise<ReleaseOutcome>;
  /** @throws Error when the origin lacks a pack. */
  probePacks(manifest: Manifest): Promise<void>;
  /** Deletes what the app keeps in this browser, and takes the worker away. */
  remove(): Promise<void>;
  /** The response headers of a file. @throws Error when the origin does not answer with success. */
  headersOf(path: ReleasePath): Promise<Headers>;
}
