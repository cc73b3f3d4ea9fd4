import type { StoredChunk } from '../core/ports.ts';
import { StoreWriter } from '../core/store-writer.ts';
import type { Urgency } from '../protocol/bridge-message.ts';
import type { Manifest, PackedChunk, ReleaseFile } from '../protocol/manifest.ts';
import { workerSettings } from '../protocol/settings.ts';
import { noTraffic, type Traffic } from '../protocol/traffic.ts';
import type { ChunkSource } from './chunk-source.ts';
import { FileFeed } from './file-feed.ts';
import { FileOrigin, type OriginTools } from './file-origin.ts';
import { Lanes } from './lanes.ts';
import type { LeaderBridge } from './leader-bridge.ts';
import { StoreSource } from './store-source.ts';
import type { WorkerPorts } from './worker-ports.ts';

/**
 * Waits for a pause before it is written: while a page loads, reading the store would wait for the writing. All that is
 * lost with a worker that is stopped before.
 */
const WRITE_BEHIND_BYTES = 32 * 1024 * 1024;
/** Parallel Range requests of the worker: what browsers open to a host over HTTP/1.1. */
const ORIGIN_LANES = 6;

/** Everything that chunks can come from, in the order in which it is asked: store, leader, origin, leader once more. */
export class Delivery {
  readonly writer: StoreWriter;
  /** Counts bytes that a page or the store gets. */
  readonly count: (kind: 'store' | 'origin' | 'wasted', plainBytes: number, wireBytes: number) => void;
  readonly #store: StoreSource;
  readonly #leader: LeaderBridge;
  readonly #tools: OriginTools;

  constructor(ports: WorkerPorts, leader: LeaderBridge, onTraffic: (delta: Traffic) => void) {
    const { store, digest, codec, origin } = ports;
    this.count = (kind, plainBytes, wireBytes) => {
      const delta = noTraffic();
      delta.plain[kind] = plainBytes;
      if (kind !== 'store') delta.wire[kind] = wireBytes;
      onTraffic(delta);
    };
    this.#leader = leader;
    this.writer = new StoreWriter(ports, WRITE_BEHIND_BYTES, (chunks) => leader.noteStored(chunks));
    this.#store = new StoreSource({
      ...{ store, digest, codec },
      unwritten: (id) => copyOf(this.writer.unwritten(id)),
      count: (plainBytes) => this.count('store', plainBytes, 0),
    });
    const keep: OriginTools['keep'] = (id, stored) => this.writer.add(id, copyOf(stored));
    this.#tools = { origin, digest, codec, lanes: new Lanes(ORIGIN_LANES), keep, count: this.count };
  }

  /** `chunks` of the file, in order, from wherever they are. */
  feed(manifest: Manifest, file: ReleaseFile, chunks: readonly PackedChunk[], urgency: Urgency): FileFeed {
    return new FileFeed(chunks, { urgency, sources: [this.#store, ...this.#farSources(this.#leader, manifest, file)] });
  }

  /** The same for chunks that the store is known not to have, and nobody waits for. */
  feedMissing(manifest: Manifest, file: ReleaseFile, chunks: readonly PackedChunk[]): FileFeed {
    return new FileFeed(chunks, { urgency: 'bulk', sources: this.#farSources(this.#leader.present, manifest, file) });
  }

  #farSources(leader: ChunkSource, manifest: Manifest, file: ReleaseFile): ChunkSource[] {
    const origin = new FileOrigin(manifest, file, this.#tools);
    // Without peers no tab leads: nobody must wait for one.
    return workerSettings(manifest.settings).mode === 'off' ? [origin] : [leader, origin, this.#leader.patient];
  }
}

/** The page gets the same bytes, and a stream of a response transfers them: what waits for the store is another's. */
function copyOf<T extends StoredChunk | undefined>(stored: T): T {
  return stored && { ...stored, bytes: stored.bytes.slice() };
}
