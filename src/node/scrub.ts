import type { Catalog } from '../core/catalog.ts';
import { chunkAt } from '../core/catalog.ts';
import { openChunk } from '../core/chunk.ts';
import { IntegrityError } from '../core/errors.ts';
import type { CancelTimer, Clock, Codec, Digest, Log } from '../core/ports.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { ObservedStore } from './observed-store.ts';

/** One step is some megabyte: a disk does not notice it, and 10 GB are read in three hours. */
const STEP_CHUNKS = 16;
const STEP_MS = 1000;
/** From the end of one round to the next. */
const REST_MS = 24 * 60 * 60 * 1000;

export interface ScrubOptions {
  readonly store: ObservedStore;
  readonly catalog: () => Catalog;
  readonly digest: Digest;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Reads the whole store, slowly, again and again. A chunk that a disk has damaged is deleted, which its mirror hears: it is
 * fetched again. (What is served is verified anyway; this finds what nobody asks for, while another peer may still have it.)
 */
export class Scrub {
  readonly #options: ScrubOptions;
  #rest: ChunkId[] = [];
  #cancelTimer: CancelTimer | undefined;
  #isClosed = false;

  constructor(options: ScrubOptions) {
    this.#options = options;
  }

  start(): void {
    this.#rest = [...this.#options.store.ids];
    this.#later(STEP_MS);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
  }

  #later(milliseconds: number): void {
    if (this.#isClosed) return;
    this.#cancelTimer = this.#options.clock.after(milliseconds, () => {
      if (this.#rest.length === 0) this.start();
      else void this.#step();
    });
  }

  async #step(): Promise<void> {
    const ids = this.#rest.splice(0, STEP_CHUNKS);
    try {
      const chunks = await this.#options.store.get(ids);
      for (const [index, id] of ids.entries()) {
        const stored = chunks[index];
        if (stored !== undefined) await this.#verify(id, stored);
      }
    } catch (error) {
      // The disk is away for now; the next round looks again.
      this.#options.log.debug('scrub-failed', { error });
    }
    this.#later(this.#rest.length > 0 ? STEP_MS : REST_MS);
  }

  async #verify(id: ChunkId, stored: Parameters<typeof openChunk>[2]): Promise<void> {
    const { store, catalog, log } = this.#options;
    const location = catalog().locate(id);
    if (location === undefined) return;
    try {
      await openChunk(this.#options, chunkAt(location), stored);
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      log.debug('stored-chunk-wrong', { chunk: id, code: error.code });
      await store.delete([id]);
    }
  }
}
