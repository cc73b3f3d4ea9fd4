import { Catalog } from '../core/catalog.ts';
import { StoreWriter } from '../core/store-writer.ts';
import type { Urgency } from '../protocol/bridge-message.ts';
import { chunksOfFile, type Manifest, type PackedChunk, type ReleaseFile } from '../protocol/manifest.ts';
import { noTraffic, type Traffic } from '../protocol/traffic.ts';
import type { ChunkSource } from './chunk-source.ts';
import { FileFeed } from './file-feed.ts';
import { FileOrigin } from './file-origin.ts';
import { Lanes } from './lanes.ts';
import type { LeaderBridge } from './leader-bridge.ts';
import { type OriginTools, PackOrigin } from './pack-origin.ts';
import { StoreSource } from './store-source.ts';
import type { WorkerPorts } from './worker-ports.ts';

/** Parallel Range requests of the worker: what browsers open to a host over HTTP/1.1. */
const ORIGIN_LANES = 6;

/** Everything that chunks can come from, in the order in which it is asked: store, leader, origin, leader once more. */
export class Delivery {
  readonly writer: StoreWriter;
  readonly #store: StoreSource;
  readonly #leader: LeaderBridge;
  readonly #packs: PackOrigin;
  readonly #tools: OriginTools;
  #manifests: readonly Manifest[] = [];
  #catalog: Catalog | undefined;

  constructor(ports: WorkerPorts, leader: LeaderBridge, onTraffic: (delta: Traffic) => void) {
    this.#leader = leader;
    this.writer = new StoreWriter(ports, (chunks) => leader.noteStored(chunks));
    const { store, digest, codec, log, origin } = ports;
    const count = (plainBytes: number) => onTraffic(storeTraffic(plainBytes));
    this.#store = new StoreSource({ store, digest, codec, log, count });
    this.#tools = {
      ...{ origin, digest, codec, log },
      lanes: new Lanes(ORIGIN_LANES),
      keep: (id, stored) => this.writer.add(id, stored),
      count: (bytes, isWasted) => onTraffic(originTraffic(bytes, isWasted)),
    };
    this.#packs = new PackOrigin(() => this.#wholeCatalog(), this.#tools);
  }

  setReleases(manifests: readonly Manifest[]): void {
    this.#manifests = manifests;
    this.#catalog = undefined;
  }

  /** `chunks` of the file, in order, from wherever they are. */
  feed(manifest: Manifest, file: ReleaseFile, chunks: readonly PackedChunk[], urgency: Urgency): FileFeed {
    return this.#feed([this.#store], manifest, file, chunks, urgency);
  }

  /** The same for chunks that the store is known not to have. */
  feedMissing(manifest: Manifest, file: ReleaseFile, chunks: readonly PackedChunk[]): FileFeed {
    return this.#feed([], manifest, file, chunks, 'bulk');
  }

  #feed(
    near: readonly ChunkSource[],
    manifest: Manifest,
    file: ReleaseFile,
    chunks: readonly PackedChunk[],
    urgency: Urgency,
  ): FileFeed {
    const origin = new FileOrigin(file, chunksOfFile(manifest, file), this.#packs, this.#tools);
    return new FileFeed(chunks, { urgency, sources: [...near, this.#leader, origin, this.#leader.patient] });
  }

  /** Made when the worker has to go to the origin itself, which it seldom does. */
  #wholeCatalog(): Catalog {
    this.#catalog ??= new Catalog(this.#manifests);
    return this.#catalog;
  }
}

function storeTraffic(plainBytes: number): Traffic {
  const delta = noTraffic();
  delta.plain.store = plainBytes;
  return delta;
}

function originTraffic(bytes: { readonly plain: number; readonly wire: number }, isWasted: boolean): Traffic {
  const delta = noTraffic();
  const kind = isWasted ? 'wasted' : 'origin';
  delta.plain[kind] = bytes.plain;
  delta.wire[kind] = bytes.wire;
  return delta;
}
