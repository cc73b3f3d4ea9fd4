import type { ByteWriter } from '../protocol/bytes.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import { MAX_OPEN_REQUESTS } from '../protocol/limits.ts';
import { encodePeerMessage } from '../protocol/peer-message.ts';
import { chunkAt, type Span } from './catalog.ts';
import { LinkPace } from './link-pace.ts';
import type { PeerLink, StoredChunk } from './ports.ts';
import type { UploadCap } from './upload-cap.ts';
import type { UploadShare, UploadSlots } from './upload-slots.ts';

export interface UploadSource {
  /** A link copies what it is given, so all frames of an engine share this memory. */
  readonly frame: ByteWriter;
  readonly uploadCap: UploadCap;
  readonly uploadSlots: UploadSlots;
  now(): number;
  /** Chunks that the peer says it has. */
  heldChunks(): number;
  /** Verified chunks; `undefined` for what is not there (any more). */
  read(chunks: readonly ChunkId[]): Promise<(StoredChunk | undefined)[]>;
  onUploaded(plainBytes: number, wireBytes: number): void;
}

/**
 * Bytes read from the store at once. While one batch is sent the next is read: with the link's own queue of 1 MiB the
 * path never waits for the disk, and a peer costs 3 MiB of memory at most.
 */
const READ_BATCH_BYTES = 1024 * 1024;

/** A request that is being answered. */
interface Upload {
  readonly request: number;
  readonly span: Span;
  /** Index in the pack of the next chunk to read from the store. */
  next: number;
}

interface ReadChunk {
  readonly upload: Upload;
  readonly index: number;
  readonly stored: StoredChunk | undefined;
}

/** Answers one peer's requests in their order, no faster than its link takes them. */
export class UploadQueue {
  readonly #link: PeerLink;
  readonly #source: UploadSource;
  readonly #pace = new LinkPace();
  readonly #uploads = new Map<number, Upload>();
  readonly #share: UploadShare;
  #running = false;
  #closed = false;
  #resume: (() => void) | undefined;

  constructor(link: PeerLink, source: UploadSource) {
    this.#link = link;
    this.#source = source;
    this.#share = { servedBytes: 0, servedChunks: 0, heldChunks: () => source.heldChunks() };
  }

  /** False when the peer has too many requests open. */
  add(request: number, span: Span): boolean {
    if (this.#uploads.size >= MAX_OPEN_REQUESTS || this.#uploads.has(request)) return false;
    this.#uploads.set(request, { request, span, next: span.first });
    if (!this.#running) void this.#run();
    return true;
  }

  get isBusy(): boolean {
    return this.#uploads.size > 0;
  }

  cancel(request: number): void {
    this.#uploads.delete(request);
  }

  /** Nothing more is given: what is open is rejected, also what has been read already. */
  rejectAll(): void {
    for (const request of this.#uploads.keys()) this.#link.send(encodePeerMessage({ type: 'reject', request }));
    this.#uploads.clear();
  }

  onWritable(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#uploads.clear();
    this.onWritable();
  }

  async #run(): Promise<void> {
    this.#running = true;
    let reading = this.#readBatch();
    while (reading !== undefined) {
      const batch = await reading;
      reading = this.#readBatch();
      for (const chunk of batch) await this.#answer(chunk);
      // Requests may have come while this batch was sent.
      reading ??= this.#readBatch();
    }
    this.#running = false;
    this.#pace.onIdle();
  }

  /** Reads the next chunks of the open requests, across requests; `undefined` when all are read. */
  #readBatch(): Promise<ReadChunk[]> | undefined {
    const wanted: { upload: Upload; index: number; id: ChunkId }[] = [];
    let bytes = 0;
    for (const upload of this.#uploads.values()) {
      const { span } = upload;
      while (upload.next < span.first + span.count && (wanted.length === 0 || bytes < READ_BATCH_BYTES)) {
        const chunk = chunkAt({ pack: span.pack, index: upload.next });
        wanted.push({ upload, index: upload.next, id: chunk.id });
        bytes += chunk.encodedBytes;
        upload.next += 1;
      }
    }
    return wanted.length === 0 ? undefined : this.#read(wanted);
  }

  async #read(wanted: readonly { upload: Upload; index: number; id: ChunkId }[]): Promise<ReadChunk[]> {
    const found = await this.#source.read(wanted.map(({ id }) => id));
    return wanted.map(({ upload, index }, position) => ({ upload, index, stored: found[position] }));
  }

  async #answer({ upload, index, stored }: ReadChunk): Promise<void> {
    const { request, span } = upload;
    if (this.#uploads.get(request) !== upload) return;
    if (stored === undefined) {
      this.#uploads.delete(request);
      this.#link.send(encodePeerMessage({ type: 'reject', request }));
      return;
    }
    const chunk = chunkAt({ pack: span.pack, index });
    const slot = await this.#source.uploadSlots.take(this.#share, chunk.id, stored.bytes.length);
    if (await this.#send(request, index, stored)) {
      this.#source.onUploaded(chunk.plainBytes, stored.bytes.length);
      if (index + 1 === span.first + span.count) this.#uploads.delete(request);
      // The next chunk, to whomever, follows when this one has all but left.
      await this.#untilBelow(this.#pace.fragmentBytes);
    }
    slot.release();
  }

  /** False when the request was cancelled meanwhile. */
  async #send(request: number, chunk: number, stored: StoredChunk): Promise<boolean> {
    const { encoding, bytes } = stored;
    const { uploadCap } = this.#source;
    for (let offset = 0; offset < bytes.length; ) {
      await this.#untilBelow(this.#pace.bufferBytes);
      const fragmentBytes = Math.min(this.#pace.fragmentBytes, uploadCap.fragmentBytes);
      const fragment = bytes.subarray(offset, offset + fragmentBytes);
      await uploadCap.take(fragment.length);
      if (!this.#uploads.has(request)) return false;
      const place = { request, chunk, encoding, encodedBytes: bytes.length, offset };
      this.#link.send(encodePeerMessage({ type: 'data', ...place, bytes: fragment }, this.#source.frame.clear()));
      this.#pace.onSent(fragment.length, this.#link.bufferedBytes, this.#source.now());
      offset += fragment.length;
    }
    return true;
  }

  async #untilBelow(bytes: number): Promise<void> {
    while (this.#link.bufferedBytes >= bytes && !this.#closed) {
      this.#link.lowWaterBytes = bytes / 4;
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
  }
}
