import { ProtocolError } from '../protocol/errors.ts';
import type { DataMessage } from '../protocol/peer-message.ts';
import { type CatalogPack, type ChunkLocation, chunkAt, type Span } from './catalog.ts';
import type { StoredChunk } from './ports.ts';

/** One request to a peer while its answer arrives: chunks in order, the fragments of each in order. */
export class Download {
  readonly request: number;
  readonly pack: CatalogPack;
  readonly #end: number;
  #next: number;
  #fragments: { message: DataMessage; bytes: Uint8Array; filled: number } | undefined;

  constructor(request: number, span: Span) {
    this.request = request;
    this.pack = span.pack;
    this.#next = span.first;
    this.#end = span.first + span.count;
  }

  get complete(): boolean {
    return this.#next === this.#end;
  }

  /** What has not arrived whole. */
  remaining(): ChunkLocation[] {
    return Array.from({ length: this.#end - this.#next }, (_, chunk) => ({
      pack: this.pack,
      index: this.#next + chunk,
    }));
  }

  /** Encoded bytes of the chunks that have not arrived whole, by the manifest. */
  get remainingBytes(): number {
    return (this.pack.offsets[this.#end] as number) - (this.pack.offsets[this.#next] as number);
  }

  /** Encoded bytes that have arrived of the chunk that comes next. */
  get begunBytes(): number {
    return this.#fragments?.filled ?? 0;
  }

  /**
   * Takes a fragment; returns the chunk that it completed, not yet verified.
   *
   * @throws ProtocolError when it is not the one that comes next.
   */
  take(message: DataMessage): { location: ChunkLocation; stored: StoredChunk } | undefined {
    if (message.chunk !== this.#next || this.complete) throw new ProtocolError('bad-value', 'chunk out of order');
    const location = { pack: this.pack, index: message.chunk };
    // A peer may hold a chunk in another encoding than the pack, but never a longer one than the plain bytes.
    if (message.encodedBytes > chunkAt(location).plainBytes) throw new ProtocolError('too-large', 'encoded chunk');
    const bytes = this.#collect(message);
    if (bytes === undefined) return undefined;
    this.#next += 1;
    return { location, stored: { encoding: message.encoding, bytes } };
  }

  #collect(message: DataMessage): Uint8Array | undefined {
    if (this.#fragments === undefined) {
      if (message.offset !== 0) throw new ProtocolError('bad-value', 'fragment out of order');
      if (message.bytes.length === message.encodedBytes) return message.bytes;
      this.#fragments = { message, bytes: new Uint8Array(message.encodedBytes), filled: 0 };
    }
    const { message: first, bytes, filled } = this.#fragments;
    if (
      message.offset !== filled ||
      message.encodedBytes !== first.encodedBytes ||
      message.encoding !== first.encoding
    ) {
      throw new ProtocolError('bad-value', 'fragment out of order');
    }
    bytes.set(message.bytes, filled);
    this.#fragments.filled += message.bytes.length;
    if (this.#fragments.filled < bytes.length) return undefined;
    this.#fragments = undefined;
    return bytes;
  }
}
