import type { ChunkId } from '../protocol/identifier.ts';
import { MAX_FRAGMENT_BYTES, MAX_OPEN_REQUESTS } from '../protocol/limits.ts';
import { encodePeerMessage } from '../protocol/peer-message.ts';
import { type CatalogPack, chunkAt, type Span } from './catalog.ts';
import { LINK_HIGH_WATER_BYTES, type PeerLink, type StoredChunk } from './ports.ts';

export interface UploadSource {
  /** Verified chunks; `undefined` for what is not there (any more). */
  read(chunks: readonly ChunkId[]): Promise<(StoredChunk | undefined)[]>;
  onUploaded(plainBytes: number, wireBytes: number): void;
}

/**
 * Bytes read from the store at once. While one batch is sent the next is read: with the link's own queue of 1 MiB the
 * path never waits for the disk, and a peer costs 2 MiB of memory at most.
 */
const READ_BATCH_BYTES = 512 * 1024;

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
    let reading = this.#read(span, span.first);
    while (this.#requests.has(request)) {
      const { first, chunks } = await reading;
      const next = first + chunks.length;
      const isLast = next >= span.first + span.count;
      if (!isLast) reading = this.#read(span, next);
      for (const [position, stored] of chunks.entries()) {
        if (stored === undefined) return false;
        const index = first + position;
        if (!(await this.#send(request, index, stored))) return false;
        this.#source.onUploaded(chunkAt({ pack: span.pack, index }).plainBytes, stored.bytes.length);
      }
      if (isLast) return true;
    }
    return false;
  }

  /** One batch of the span, from chunk `first` of the pack. */
  async #read(span: Span, first: number): Promise<{ first: number; chunks: readonly (StoredChunk | undefined)[] }> {
    const { pack } = span;
    let end = first + 1;
    while (end < span.first + span.count && bytesBetween(pack, first, end + 1) <= READ_BATCH_BYTES) end += 1;
    const ids = pack.chunks.slice(first, end).map((chunk) => chunk.id);
    return { first, chunks: await this.#source.read(ids) };
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

function bytesBetween(pack: CatalogPack, first: number, end: number): number {
  return (pack.offsets[end] as number) - (pack.offsets[first] as number);
}
