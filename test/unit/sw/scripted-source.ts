import type { SourceName } from '../../../src/protocol/bridge-message.ts';
import type { PackedChunk } from '../../../src/protocol/manifest.ts';
import type { ChunkRequest, ChunkSource } from '../../../src/sw/chunk-source.ts';

/** A source that does what a test says, when it says so. */
export class ScriptedSource implements ChunkSource {
  /** Every call so far; `give` and `end` answer it. */
  readonly asks: Ask[] = [];
  readonly #name: SourceName;
  readonly #onAsk: (ask: Ask) => void;

  constructor(name: SourceName, onAsk: (ask: Ask) => void = () => undefined) {
    this.#name = name;
    this.#onAsk = onAsk;
  }

  take(chunks: readonly PackedChunk[], request: ChunkRequest): Promise<readonly PackedChunk[]> {
    return new Promise((resolve) => {
      const ask = new Ask(chunks, request, this.#name, resolve);
      this.asks.push(ask);
      this.#onAsk(ask);
    });
  }
}

export class Ask {
  readonly chunks: readonly PackedChunk[];
  readonly request: ChunkRequest;
  readonly #name: SourceName;
  readonly #resolve: (left: readonly PackedChunk[]) => void;
  readonly #given = new Set<PackedChunk>();

  constructor(
    chunks: readonly PackedChunk[],
    request: ChunkRequest,
    name: SourceName,
    resolve: (left: readonly PackedChunk[]) => void,
  ) {
    this.chunks = chunks;
    this.request = request;
    this.#name = name;
    this.#resolve = resolve;
  }

  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.plainBytes, 0);
  }

  give(chunk: PackedChunk, plain: Uint8Array): void {
    this.#given.add(chunk);
    this.request.deliver(chunk, plain, this.#name);
  }

  end(): void {
    this.#resolve(this.chunks.filter((chunk) => !this.#given.has(chunk)));
  }
}
