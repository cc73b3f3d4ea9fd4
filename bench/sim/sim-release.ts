import type { Codec, Digest } from '../../src/core/ports.ts';
import type { Manifest } from '../../src/protocol/manifest.ts';
import { encodePeerMessage } from '../../src/protocol/peer-message.ts';

/** Room for the header of a `data` frame before the bytes of its chunk. */
const HEADER_BYTES = 64;
const CHUNKS_PER_PACK = 256;
const NOBODYS_CHUNK = 0xffffffff;

/** Bytes that are never changed, so that a copy of them is they themselves. */
class SharedBytes extends Uint8Array<ArrayBuffer> {
  override slice(): Uint8Array<ArrayBuffer> {
    return this;
  }
}

/** A chunk, one for all peers of a simulation, with room for a frame's header before it. */
interface SharedChunk {
  readonly memory: SharedBytes;
  readonly bytes: SharedBytes;
}

/**
 * One file of `chunks` chunks. A chunk's bytes are its number and zeros, and exist once: ten thousand peers that hold it
 * hold the same memory. The engine moves, counts and verifies them as it does any bytes.
 */
export class SimRelease {
  readonly manifest: Manifest;
  readonly chunkBytes: number;
  readonly bytes: number;
  readonly ids: readonly string[];
  readonly #chunks: readonly SharedChunk[];
  readonly #garbage: SharedChunk;

  constructor(chunks: number, chunkBytes: number) {
    this.chunkBytes = chunkBytes;
    this.bytes = chunks * chunkBytes;
    this.ids = Array.from({ length: chunks }, (_, number) => number.toString(16).padStart(64, '0'));
    this.#chunks = this.ids.map((_, number) => shared(number, chunkBytes));
    this.#garbage = shared(NOBODYS_CHUNK, chunkBytes);
    this.manifest = manifestOf(this.ids, chunkBytes);
  }

  digest(): Digest {
    return { sha256: (bytes) => Promise.resolve(this.idOf(bytes) ?? 'f'.repeat(64)) };
  }

  /** Which chunk these bytes are, if any. */
  idOf(bytes: Uint8Array): string | undefined {
    return bytes.length === this.chunkBytes ? this.ids[numberIn(bytes)] : undefined;
  }

  chunk(number: number): Uint8Array {
    return this.#shared(number).bytes;
  }

  /** Number in the release. */
  number(pack: string, index: number): number {
    return this.manifest.packs.findIndex(({ id }) => id === pack) * CHUNKS_PER_PACK + index;
  }

  /**
   * The frame that brings a whole chunk, in memory that the next call reuses.
   *
   * @param first the bytes as the sender had them: what was wrong there arrives wrong.
   */
  frame(message: { request: number; chunk: number }, first: Uint8Array): Uint8Array {
    const chunk = this.#shared(numberIn(first));
    const header = encodePeerMessage({
      type: 'data',
      request: message.request,
      chunk: message.chunk,
      encoding: 'identity',
      encodedBytes: this.chunkBytes,
      offset: 0,
      bytes: new Uint8Array(),
    });
    chunk.memory.set(header, HEADER_BYTES - header.length);
    return chunk.memory.subarray(HEADER_BYTES - header.length);
  }

  /** The shared memory with the same content. */
  sameAs(bytes: Uint8Array): Uint8Array {
    return this.#shared(numberIn(bytes)).bytes;
  }

  get garbage(): Uint8Array {
    return this.#garbage.bytes;
  }

  #shared(number: number): SharedChunk {
    return this.#chunks[number] ?? this.#garbage;
  }
}

/** Nothing is compressed. */
export const simCodec: Codec = {
  inflateRaw: () => Promise.reject(new RangeError('no chunk of a simulation is compressed')),
};

function shared(number: number, chunkBytes: number): SharedChunk {
  const memory = new SharedBytes(new ArrayBuffer(HEADER_BYTES + chunkBytes));
  const bytes = new SharedBytes(memory.buffer, HEADER_BYTES);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, number);
  return { memory, bytes };
}

function numberIn(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

function manifestOf(ids: readonly string[], chunkBytes: number): Manifest {
  const packs = Array.from({ length: Math.ceil(ids.length / CHUNKS_PER_PACK) }, (_, number) => ({
    id: `a${number.toString(16).padStart(63, '0')}`,
    chunks: ids
      .slice(number * CHUNKS_PER_PACK, (number + 1) * CHUNKS_PER_PACK)
      .map((id) => ({ id, encoding: 'identity' as const, plainBytes: chunkBytes, encodedBytes: chunkBytes })),
  }));
  return {
    app: 'sim',
    channel: 'stable',
    sequence: 1,
    version: '',
    created: 0,
    settings: '{}',
    chunking: { minimumBytes: chunkBytes, averageBytes: chunkBytes, maximumBytes: chunkBytes },
    packs,
    headerSets: [[]],
    files: [
      {
        path: 'file.bin',
        plainBytes: ids.length * chunkBytes,
        hash: 'b'.repeat(64),
        mediaType: 'application/octet-stream',
        headerSet: 0,
        runs: packs.map(({ chunks }, pack) => ({ pack, first: 0, count: chunks.length })),
      },
    ],
  };
}
