import type { ChunkId } from '../protocol/identifier.ts';
import { Catalog, type CatalogPack, chunkAt, type Span } from './catalog.ts';
import { openChunk } from './chunk.ts';
import { IntegrityError } from './errors.ts';
import { Holdings } from './holdings.ts';
import type { SwarmPolicy } from './policy.ts';
import type { CancelTimer, ChunkStore, Clock, Codec, Digest, Log, StoredChunk } from './ports.ts';
import { RecentChunks } from './recent-chunks.ts';
import { StoreWriter } from './store-writer.ts';

interface InventoryPorts {
  readonly store: ChunkStore;
  readonly digest: Digest;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly log: Log;
}

/** A chunk out of the store that proved to be the one named. */
export interface HeldChunk {
  readonly stored: StoredChunk;
  readonly plain: Uint8Array;
}

/** News of chunks waits so long for its neighbours: one message tells of a whole run. */
const NOTE_DELAY_MS = 50;

/** What this engine holds: the store, what is known to be in it, and what is on its way into it. */
export class Inventory {
  readonly #ports: InventoryPorts;
  readonly #onGained: (runs: readonly Span[]) => void;
  readonly #holdings = new Holdings();
  readonly #writer: StoreWriter;
  readonly #recent: RecentChunks;
  #catalog = new Catalog([]);
  #fresh: ChunkId[] = [];
  #cancelNote: CancelTimer | undefined;

  /** `onGained` hears of every chunk that can be served from now on, in runs of neighbours. */
  constructor(
    ports: InventoryPorts,
    policy: Pick<SwarmPolicy, 'writeBehindBytes' | 'recentBytes'>,
    onGained: (runs: readonly Span[]) => void,
  ) {
    this.#ports = ports;
    this.#onGained = onGained;
    this.#recent = new RecentChunks(ports.clock, policy.recentBytes);
    // Held since they came: that they are written now is no news to anybody.
    this.#writer = new StoreWriter(ports, policy.writeBehindBytes, () => undefined);
  }

  /** Learns what the store holds. Without a store there is only nothing to seed. */
  async load(): Promise<void> {
    try {
      this.note(await this.#ports.store.list());
    } catch (error) {
      this.#ports.log.debug('store-list-failed', { error });
    }
  }

  setCatalog(catalog: Catalog): void {
    this.#catalog = catalog;
    this.#holdings.onCatalog(catalog);
  }

  /** Whether it can be read here: written, or still in memory. */
  get size(): number {
    return this.#holdings.size;
  }

  has(chunk: ChunkId): boolean {
    return this.#holdings.has(chunk) || this.#writer.unwritten(chunk) !== undefined;
  }

  get holdings(): Holdings {
    return this.#holdings;
  }

  /** Bytes in memory that wait for the store. */
  get unwrittenBytes(): number {
    return this.#writer.pendingBytes;
  }

  /** These are in the store. */
  note(chunks: readonly ChunkId[]): void {
    const fresh = chunks.filter((chunk) => !this.#holdings.has(chunk));
    this.#holdings.add(fresh, this.#catalog);
    this.#onGained(runsOf(fresh, this.#catalog));
  }

  /** Takes a verified chunk. It can be served at once, before it is written, and is told of in runs of neighbours. */
  add(id: ChunkId, stored: StoredChunk): void {
    this.#writer.add(id, stored);
    this.#recent.add(id, stored);
    this.#fresh.push(id);
    this.#cancelNote ??= this.#ports.clock.after(NOTE_DELAY_MS, () => {
      this.#cancelNote = undefined;
      this.note(this.#fresh);
      this.#fresh = [];
    });
  }

  /** @throws StoreError */
  async drop(chunks: readonly ChunkId[]): Promise<void> {
    for (const chunk of chunks) this.#holdings.remove(chunk, this.#catalog);
    await this.#ports.store.delete(chunks);
  }

  /** In the order of `chunks`. What the store lost or damaged is `undefined`, deleted and no longer held. */
  async read(chunks: readonly ChunkId[]): Promise<(HeldChunk | undefined)[]> {
    const found = await this.#find(chunks);
    return Promise.all(chunks.map((chunk) => this.#open(chunk, found.get(chunk))));
  }

  /** The same as they are kept, for a peer: what was verified half a minute ago is not verified again. */
  async readStored(chunks: readonly ChunkId[]): Promise<(StoredChunk | undefined)[]> {
    const known = new Map<ChunkId, StoredChunk>();
    for (const chunk of chunks) {
      const stored = this.#recent.get(chunk) ?? this.#writer.unwritten(chunk);
      if (stored !== undefined) known.set(chunk, stored);
    }
    const others = chunks.filter((chunk) => !known.has(chunk));
    for (const [position, held] of (await this.read(others)).entries()) {
      if (held === undefined) continue;
      const chunk = others[position] as ChunkId;
      this.#recent.add(chunk, held.stored);
      known.set(chunk, held.stored);
    }
    return chunks.map((chunk) => known.get(chunk));
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    this.#cancelNote?.();
    this.#recent.close();
    await this.#writer.close();
  }

  /** In memory, else in the store. */
  async #find(chunks: readonly ChunkId[]): Promise<ReadonlyMap<ChunkId, StoredChunk>> {
    const found = new Map<ChunkId, StoredChunk>();
    for (const chunk of chunks) {
      const waiting = this.#writer.unwritten(chunk);
      if (waiting !== undefined) found.set(chunk, waiting);
    }
    const others = chunks.filter((chunk) => !found.has(chunk));
    if (others.length === 0) return found;
    try {
      const stored = await this.#ports.store.get(others);
      others.forEach((chunk, position) => {
        const one = stored[position];
        if (one !== undefined) found.set(chunk, one);
      });
    } catch (error) {
      this.#ports.log.debug('store-read-failed', { error });
    }
    return found;
  }

  async #open(id: ChunkId, stored: StoredChunk | undefined): Promise<HeldChunk | undefined> {
    const location = this.#catalog.locate(id);
    if (location === undefined) return undefined;
    if (stored === undefined) {
      this.#holdings.remove(id, this.#catalog);
      return undefined;
    }
    try {
      return { stored, plain: await openChunk(this.#ports, chunkAt(location), stored) };
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      this.#ports.log.debug('stored-chunk-wrong', { chunk: id, code: error.code });
      await this.#discard(id);
      return undefined;
    }
  }

  async #discard(id: ChunkId): Promise<void> {
    this.#holdings.remove(id, this.#catalog);
    try {
      await this.#ports.store.delete([id]);
    } catch (error) {
      this.#ports.log.debug('store-delete-failed', { error });
    }
  }
}

/** Groups chunks into runs of neighbours, so that one `have` tells of many. */
function runsOf(chunks: readonly ChunkId[], catalog: Catalog): Span[] {
  const byPack = new Map<CatalogPack, number[]>();
  for (const chunk of chunks) {
    const location = catalog.locate(chunk);
    if (location === undefined) continue;
    const indexes = byPack.get(location.pack) ?? [];
    indexes.push(location.index);
    byPack.set(location.pack, indexes);
  }
  return [...byPack].flatMap(([pack, indexes]) => {
    const runs: Span[] = [];
    let first = 0;
    let count = 0;
    for (const index of indexes.sort((a, b) => a - b)) {
      if (count > 0 && index === first + count) {
        count += 1;
        continue;
      }
      if (count > 0) runs.push({ pack, first, count });
      first = index;
      count = 1;
    }
    runs.push({ pack, first, count });
    return runs;
  });
}
