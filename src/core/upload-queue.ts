import type { ChunkId } from '../protocol/identifier.ts';
import { MAX_FRAGMENT_BYTES, MAX_OPEN_REQUESTS } from '../protocol/limits.ts';
import { encodePeerMessage } from '../protocol/peer-message.ts';
import { chunkAt, type Span } from './catalog.ts';
import { LINK_HIGH_WATER_BYTES, type PeerLink, type StoredChunk } from './ports.ts';

export interface UploadSource {
  /** Verified chunks; `undefined` for what is not there (any more). */
  read(chunks: readonly ChunkId[]): Promise<(StoredChunk | undefined)[]>;
  onUploaded(plainBytes: number, wireBytes: number): void;
}

/** Chunks read from the store at once: a quarter of a megabyte amortises the transaction and bounds memory. */
const READ_BATCH_CHUNKS = 4;

/** Answers one peer's requests in their order, no faster than its link takes them. */
export class UploadQueue {
  readonly #link: PeerLink;
  readonly #source: UploadSource;
  readonly #requests = new Map<number, Span>();
  #running = false;
  #closed = false;
  #resume: (() => void) | undefined;

  constructor(link: PeerLink, source: UploadSource) {
    this.#link = link;
    this.#source = source;
  }

  /** False when the peer has too many requests open. */
  add(request: number, span: Span): boolean {
    if (this.#requests.size >= MAX_OPEN_REQUESTS || this.#requests.has(request)) return false;
    this.#requests.set(request, span);
    if (!this.#running) void this.#run();
    return true;
  }

  cancel(request: number): void {
    this.#requests.delete(request);
  }

  onWritable(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#requests.clear();
    this.onWritable();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (const [request, span] of this.#requests) {
      const whole = await this.#answer(request, span);
      if (!whole && this.#requests.has(request)) this.#link.send(encodePeerMessage({ type: 'reject', request }));
      this.#requests.delete(request);
    }
    this.#running = false;
  }

  /** True when every chunk was sent. */
  async #answer(request: number, span: Span): Promise<boolean> {
    for (let first = span.first; first < span.first + span.count; first += READ_BATCH_CHUNKS) {
      const count = Math.min(READ_BATCH_CHUNKS, span.first + span.count - first);
      const wanted = span.pack.chunks.slice(first, first + count).map((chunk) => chunk.id);
      const chunks = await this.#source.read(wanted);
      for (const [position, stored] of chunks.entries()) {
        if (stored === undefined) return false;
        const index = first + position;
        if (!(await this.#send(request, index, stored))) return false;
        this.#source.onUploaded(chunkAt({ pack: span.pack, index }).plainBytes, stored.bytes.length);
      }
    }
    return true;
  }

  /** False when the request was cancelled meanwhile. */
  async #send(request: number, chunk: number, stored: StoredChunk): Promise<boolean> {
    const { encoding, bytes } = stored;
    for (let offset = 0; offset < bytes.length; offset += MAX_FRAGMENT_BYTES) {
      while (this.#link.bufferedBytes >= LINK_HIGH_WATER_BYTES && !this.#closed) {
        await new Promise<void>((resolve) => {
          this.#resume = resolve;
        });
      }
      if (!this.#requests.has(request)) return false;
      const fragment = bytes.subarray(offset, offset + MAX_FRAGMENT_BYTES);
      this.#link.send(
        encodePeerMessage({
          type: 'data',
          request,
          chunk,
          encoding,
          encodedBytes: bytes.length,
          offset,
          bytes: fragment,
        }),
      );
    }
    return true;
  }
}
