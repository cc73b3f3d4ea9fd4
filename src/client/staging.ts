import { backoffMs } from '../core/backoff.ts';
import type { NamedManifest } from '../core/delta.ts';
import type { CancelTimer, ChunkStore, Clock, Random } from '../core/ports.ts';
import type { Swarm } from '../core/swarm.ts';
import { openBrowserDatabase } from '../platform/idb-database.ts';
import { streamCodec } from '../platform/stream-codec.ts';
import { subtleDigest } from '../platform/subtle-digest.ts';
import { systemClock, systemRandom } from '../platform/system-clock.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import { decodeManifest, type Manifest, type PackedChunk } from '../protocol/manifest.ts';
import type { StagingProgress } from '../protocol/release-news.ts';
import { decodeSettings } from '../protocol/settings.ts';
import type { Traffic } from '../protocol/traffic.ts';
import { type GetChunks, getFrom, inTurn } from './chunk-getter.ts';
import { byDelta } from './delta-getter.ts';
import type { Releases } from './engine.ts';
import type { EngineSlot } from './engine-slot.ts';
import { OriginSwarm } from './origin-swarm.ts';
import { absentFrom, chunksOf, eagerAndLazy } from './release-chunks.ts';

export interface StagingPorts {
  readonly scope: string;
  readonly slot: Pick<EngineSlot, 'fetch' | 'noteStored'>;
  tell(progress: StagingProgress): void;
  /** The publisher wants it to be used from the next load of any page on. */
  apply(): void;
  /** Of what came without the engine. */
  readonly onTraffic: (delta: Traffic) => void;
}

/** What eyes can follow. */
const TELL_INTERVAL_MS = 250;
/** The worker tells pages five times a second. */
const TOLD_MS = 1000;
/** The engine writes in batches, when a transfer pauses. With no new chunk in the store for so long, it has no room. */
const WRITE_LIMIT_MS = 5000;
const WRITE_STEP_MS = 100;
/** Got, and damaged or gone when it was read again: twice is the disk's fault. */
const ROUNDS = 2;
/** The origin is away, or has the release in part: others hear of it too, and none of them may come back at once. */
const RETRY = { firstMs: 20_000, maximumMs: 30 * 60_000 };

interface Run {
  readonly sequence: number;
  readonly stop: AbortController;
  failed: boolean;
  cancelRetry: CancelTimer | undefined;
}

/**
 * Brings what the next release needs into the store: peers first, then the origin, all of it verified. Nothing of it is
 * used before the worker has made the release the active one; whatever ends an attempt, the chunks that came stay.
 */
export class Staging {
  readonly #ports: StagingPorts;
  readonly #clock: Clock = systemClock();
  readonly #random: Random = systemRandom();
  #run: Run | undefined;
  /** Also of attempts that were ended. */
  #staging: Promise<unknown> = Promise.resolve();

  constructor(ports: StagingPorts) {
    this.#ports = ports;
  }

  /** Begins, or goes on, with the newest release if that is to be staged. A newer one ends the attempt for an older. */
  setReleases(releases: Releases): void {
    const [newest, ...older] = releases.manifests.map((bytes) => new Uint8Array(bytes));
    if (!releases.stage || newest === undefined) return;
    const manifest = decodeManifest(newest);
    const { sequence } = manifest;
    if (this.#run?.sequence === sequence && !this.#run.failed) return;
    void this.close();
    const run: Run = { sequence, stop: new AbortController(), failed: false, cancelRetry: undefined };
    this.#run = run;
    let olds: Promise<NamedManifest[]> | undefined;
    const named = (): Promise<NamedManifest[]> => (olds ??= namedManifests(older));
    const { signal } = run.stop;
    const attempt = async (count: number, earlierFailure: string): Promise<void> => {
      run.failed = false;
      const failure = await this.#stage(manifest, named, releases.config.app, signal, earlierFailure);
      run.failed = failure !== '';
      if (failure !== 'chunk-unavailable' || signal.aborted) return;
      run.cancelRetry = this.#clock.after(backoffMs(count, RETRY, this.#random), () => {
        this.#staging = Promise.all([this.#staging, attempt(count + 1, failure)]);
      });
    };
    this.#staging = Promise.all([this.#staging, attempt(0, '')]);
  }

  /** Resolves when nothing is written any more. */
  close(): Promise<unknown> {
    this.#run?.stop.abort();
    this.#run?.cancelRetry?.();
    return this.#staging;
  }

  /** Resolves with the code of what ended it, or an empty one. */
  async #stage(
    manifest: Manifest,
    olds: () => Promise<readonly NamedManifest[]>,
    app: string,
    signal: AbortSignal,
    earlierFailure: string,
  ): Promise<string> {
    const { scope } = this.#ports;
    const { sequence } = manifest;
    const database = openBrowserDatabase({ app, scope });
    // What went wrong stays so until it is right: the page is told once.
    const progress = { sequence, doneBytes: 0, totalBytes: 0, staged: false, failure: earlierFailure };
    const tell = (changes: Partial<StagingProgress>): void => {
      if (!signal.aborted) this.#ports.tell(Object.assign(progress, changes));
    };
    const get = this.#getterOf(manifest, olds, database.chunks);
    try {
      const { eager, lazy } = eagerAndLazy(manifest);
      const failure = await this.#fill(database.chunks, get, chunksOf(manifest, eager), signal, tell);
      tell({ failure, staged: failure === '' });
      const { updates } = decodeSettings(manifest.settings);
      if (failure === '' && updates !== 'prompt') {
        // Pages hear of what is staged, and of no release that is active already.
        if (updates === 'immediately') await this.#pause(TOLD_MS);
        this.#ports.apply();
      }
      // What is used although nobody waits for it stays up to date.
      if (failure === '' && lazy.length > 0) {
        await this.#refresh(database.chunks, get, { manifest, olds: await olds(), lazy }, signal);
      }
      return failure;
    } catch {
      // No store: this browser keeps nothing, and the release cannot wait there.
      tell({ failure: 'store-unavailable' });
      return 'store-unavailable';
    } finally {
      await database.close();
    }
  }

  /** The way of a chunk into the store: made of what is here, from peers, from the origin. */
  #getterOf(manifest: Manifest, olds: () => Promise<readonly NamedManifest[]>, store: ChunkStore): GetChunks {
    const { slot, scope, onTraffic } = this.#ports;
    const origin = new OriginSwarm(scope, manifest, store, onTraffic);
    const fetch: Swarm['fetch'] = (ids, urgency, receiver) => slot.fetch(ids, urgency, receiver);
    const noteStored = (ids: readonly ChunkId[]): void => slot.noteStored(ids);
    return inTurn(
      byDelta({ store, fetch: origin.after(fetch), noteStored }, manifest, olds),
      (chunks, terms) => getFrom(fetch, chunks, terms),
      async (chunks, terms) => {
        const left = new Set(await origin.get(chunks, terms));
        noteStored(chunks.filter((chunk) => !left.has(chunk)).map(({ id }) => id));
        return [...left];
      },
    );
  }

  async #fill(
    store: ChunkStore,
    get: GetChunks,
    chunks: readonly PackedChunk[],
    signal: AbortSignal,
    tell: (changes: Partial<StagingProgress>) => void,
  ): Promise<string> {
    const ports = { store, digest: subtleDigest(), codec: streamCodec() };
    let left = await absentFrom(ports, chunks, signal);
    const totalBytes = sumOf(left);
    let doneBytes = 0;
    tell({ totalBytes });
    let cancelTell: (() => void) | undefined;
    const onChunk = ({ plainBytes }: PackedChunk): void => {
      doneBytes = Math.min(totalBytes, doneBytes + plainBytes);
      cancelTell ??= this.#clock.after(TELL_INTERVAL_MS, () => {
        cancelTell = undefined;
        tell({ doneBytes });
      });
    };
    try {
      for (let round = 0; left.length > 0; round += 1) {
        if (round === ROUNDS) return 'store-full';
        if ((await get(left, { signal, onChunk })).length > 0) return 'chunk-unavailable';
        signal.throwIfAborted();
        if (!(await this.#written(store, left, signal))) return 'store-full';
        left = await absentFrom(ports, left, signal);
      }
    } finally {
      cancelTell?.();
    }
    tell({ doneBytes: totalBytes });
    return '';
  }

  /** Whether all of these get into the store. */
  async #written(store: ChunkStore, chunks: readonly PackedChunk[], signal: AbortSignal): Promise<boolean> {
    let lastCount = -1;
    let waitedMs = 0;
    for (;;) {
      const stored = new Set(await store.list());
      const count = chunks.filter(({ id }) => stored.has(id)).length;
      if (count === chunks.length) return true;
      waitedMs = count > lastCount ? 0 : waitedMs + WRITE_STEP_MS;
      lastCount = count;
      if (waitedMs >= WRITE_LIMIT_MS) return false;
      signal.throwIfAborted();
      await this.#pause(WRITE_STEP_MS);
    }
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(milliseconds, resolve));
  }

  /** Lazy files of which an older release's version is here. */
  async #refresh(
    store: ChunkStore,
    get: GetChunks,
    { manifest, olds, lazy }: { manifest: Manifest; olds: readonly NamedManifest[]; lazy: readonly { path: string }[] },
    signal: AbortSignal,
  ): Promise<void> {
    const stored = new Set(await store.list());
    const paths = new Set(lazy.map(({ path }) => path));
    const used = new Set(
      olds.flatMap(({ manifest: old }) =>
        old.files
          .filter((file) => paths.has(file.path) && chunksOf(old, [file]).every(({ id }) => stored.has(id)))
          .map(({ path }) => path),
      ),
    );
    const wanted = chunksOf(
      manifest,
      manifest.files.filter(({ path }) => used.has(path)),
    );
    await get(
      wanted.filter(({ id }) => !stored.has(id)),
      { signal, onChunk: () => undefined },
    );
  }
}

function namedManifests(manifests: readonly Uint8Array[]): Promise<NamedManifest[]> {
  const digest = subtleDigest();
  return Promise.all(
    manifests.map(async (bytes) => ({ hash: await digest.sha256(bytes), manifest: decodeManifest(bytes) })),
  );
}

function sumOf(chunks: readonly PackedChunk[]): number {
  return chunks.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
}
