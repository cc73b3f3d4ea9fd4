import { ByteCutter } from '../core/byte-cutter.ts';
import { openChunk } from '../core/chunk.ts';
import type { ByteSource, Codec, Digest, StoredChunk } from '../core/ports.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { PackedChunk } from '../protocol/manifest.ts';
import type { ChunkRequest } from './chunk-source.ts';

export interface BodyTools {
  readonly digest: Digest;
  readonly codec: Codec;
  /** Puts a verified chunk into the store, some time later. */
  keep(id: ChunkId, stored: StoredChunk): void;
  /** Counts a chunk that came from the origin; as `wasted` when it was not what the release says. */
  count(kind: 'origin' | 'wasted', plainBytes: number, wireBytes: number): void;
}

/** The chunks of a file as its plain form has them: a pack of that one file. */
export function plainForm(chunks: readonly PackedChunk[]): PackedChunk[] {
  return chunks.map(({ id, plainBytes }) => ({ id, plainBytes, encoding: 'identity', encodedBytes: plainBytes }));
}

/** One body of the origin that holds chunks end to end, read in order and no further than asked. */
export class ChunkBody {
  readonly #tools: BodyTools;
  readonly #chunks: readonly PackedChunk[];
  readonly #cutter: ByteCutter;
  readonly #stop = () => this.#cutter.cancel();
  #position = 0;
  /** After a chunk that is not what the release says, all others of a plain file are of another version too. */
  readonly #endsAtBad: boolean;
  isBroken = false;

  constructor(tools: BodyTools, source: ByteSource, chunks: readonly PackedChunk[], endsAtBad: boolean) {
    this.#tools = tools;
    this.#cutter = new ByteCutter(source);
    this.#chunks = chunks;
    this.#endsAtBad = endsAtBad;
  }

  /** Reads up to `end`, and takes what it delivers out of `wanted`. Never rejects. */
  async read(end: number, wanted: Set<ChunkId>, { signal, deliver }: Omit<ChunkRequest, 'urgency'>): Promise<void> {
    // Not taken away after each read: its reader may go between two of them.
    signal.addEventListener('abort', this.#stop);
    try {
      while (this.#position < end && !this.isBroken && !signal.aborted) {
        const chunk = this.#chunks[this.#position] as PackedChunk;
        this.#position += 1;
        const stored = { encoding: chunk.encoding, bytes: await this.#cutter.take(chunk.encodedBytes) };
        const plain = await openChunk(this.#tools, chunk, stored).catch(() => undefined); // Bad: counted below.
        this.#tools.count(plain ? 'origin' : 'wasted', chunk.plainBytes, chunk.encodedBytes);
        if (plain) {
          this.#tools.keep(chunk.id, stored);
          if (wanted.delete(chunk.id)) deliver(chunk, plain, 'origin');
        } else {
          this.isBroken = this.#endsAtBad;
        }
      }
    } catch {
      // Away, cut off, or cancelled: another form of the file is asked for what is left.
      this.isBroken = true;
    }
    if (this.isBroken || signal.aborted || this.#position === this.#chunks.length) {
      signal.removeEventListener('abort', this.#stop);
      this.#stop();
    }
  }
}
