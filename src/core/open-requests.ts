import { MAX_OPEN_REQUESTS } from '../protocol/limits.ts';
import type { DataMessage } from '../protocol/peer-message.ts';
import type { ChunkLocation, Span } from './catalog.ts';
import { Download } from './download.ts';
import { FlowWindow } from './flow-window.ts';
import { Pace } from './pace.ts';
import type { StoredChunk } from './ports.ts';
import { Promptness } from './promptness.ts';

/** A request of which nothing is needed any more. */
export interface CancelledRequest {
  readonly request: number;
  /** What has not come. */
  readonly chunks: readonly ChunkLocation[];
}

/** What one peer was asked for and has not given yet, and how well it gives. Pure: time comes in. */
export class OpenRequests {
  readonly window = new FlowWindow();
  readonly #downloads = new Map<number, Download>();
  readonly #pace = new Pace();
  readonly #promptness = new Promptness();
  #next = 0;
  #openBytes = 0;

  /** The number that the next request will have. */
  get next(): number {
    return this.#next;
  }

  get size(): number {
    return this.#downloads.size;
  }

  /**
   * Bytes that may be asked for now; 0 when its window or its request slots are full. A window counts as full until a
   * quarter of it is free: else each arriving chunk would make room for a request of one chunk.
   */
  get room(): number {
    if (this.#downloads.size >= MAX_OPEN_REQUESTS) return 0;
    const room = this.window.bytes - this.openBytes;
    return room < this.window.bytes / 4 ? 0 : room;
  }

  /** Encoded bytes asked for and not yet arrived. */
  get openBytes(): number {
    return this.#openBytes;
  }

  /** Whether it can be asked for something that a page waits for. */
  isPrompt(nowMs: number): boolean {
    return this.#promptness.isPrompt(this.openBytes, this.window.bytesPerMs, nowMs);
  }

  /** @returns the number of the request and what it adds to the open bytes */
  add(span: Span, nowMs: number): { request: number; bytes: number } {
    const request = this.#next;
    this.#next += 1;
    const download = new Download(request, span);
    this.#downloads.set(request, download);
    this.#openBytes += download.remainingBytes;
    this.window.onRequest(nowMs);
    this.#promptness.onRequest(request, this.#downloads.size === 1, nowMs);
    this.#pace.onRequest(request, this.openBytes, this.window.bytesPerMs, nowMs);
    return { request, bytes: download.remainingBytes };
  }

  /** Forgets every request of which nothing is needed any more. */
  cancelUnneeded(needed: (chunk: ChunkLocation) => boolean, nowMs: number): CancelledRequest[] {
    return this.#cancel((download) => !download.remaining().some(needed), nowMs);
  }

  /**
   * Forgets what should have come by now, and all behind it: of what others have (`isElsewhere`), as they can be asked,
   * and of what is so late that nothing is to be hoped for.
   */
  cancelLate(isElsewhere: (chunk: ChunkLocation) => boolean, nowMs: number): CancelledRequest[] {
    let isBehind = false;
    return this.#cancel((download) => {
      const { request } = download;
      if (!isBehind && !this.#pace.isLate(request, nowMs)) return false;
      if (!this.#pace.isOverdue(request, nowMs) && !download.remaining().every(isElsewhere)) return false;
      isBehind = true;
      return true;
    }, nowMs);
  }

  /** How long what is open still takes at its measured rate, or has taken already. */
  queueMs(nowMs: number): number {
    const { bytesPerMs, rttMs } = this.window;
    let bytes = this.openBytes;
    for (const { begunBytes } of this.#downloads.values()) bytes -= begunBytes;
    const expectedMs = bytesPerMs === 0 ? 0 : bytes / bytesPerMs + rttMs;
    return Math.max(expectedMs, this.#pace.silentMs(nowMs));
  }

  /** What is left of its last request. */
  get last(): readonly ChunkLocation[] {
    const last = [...this.#downloads.values()].at(-1);
    return last === undefined ? [] : last.remaining();
  }

  /** We were late ourselves: not the peer's fault. */
  onOwnDelay(lateMs: number): void {
    this.#pace.onOwnDelay(lateMs);
  }

  /** How long nothing to speak of has come; 0 when nothing is open. */
  silentMs(nowMs: number): number {
    return this.#pace.silentMs(nowMs);
  }

  /** Next to nothing comes although something is open. */
  isSilent(nowMs: number): boolean {
    return this.#pace.isSilent(nowMs);
  }

  /** What is asked for and has not come. */
  remaining(): ChunkLocation[] {
    return [...this.#downloads.values()].flatMap((download) => download.remaining());
  }

  /** @returns what it asked for and did not get; `undefined` when there is no such request. */
  onReject(request: number, nowMs: number): ChunkLocation[] | undefined {
    const download = this.#downloads.get(request);
    if (download === undefined) return undefined;
    this.#finish(download, nowMs);
    return download.remaining();
  }

  /**
   * @returns the chunk that it completed, not yet verified; `undefined` when it goes on; `unasked` for no open request.
   * @throws ProtocolError
   */
  onData(
    message: DataMessage,
    nowMs: number,
  ): { location: ChunkLocation; stored: StoredChunk } | undefined | 'unasked' {
    const { length } = message.bytes;
    this.window.onBytes(length, nowMs);
    const download = this.#downloads.get(message.request);
    if (download === undefined) return 'unasked';
    this.#pace.onBytes(length, nowMs);
    const beforeBytes = download.remainingBytes;
    const arrived = download.take(message);
    if (arrived === undefined) return undefined;
    this.#openBytes -= beforeBytes - download.remainingBytes;
    this.#promptness.onChunk(message.request, nowMs);
    if (download.complete) this.#finish(download, nowMs);
    return arrived;
  }

  clear(): void {
    this.#downloads.clear();
    this.#openBytes = 0;
  }

  #cancel(isOver: (download: Download) => boolean, nowMs: number): CancelledRequest[] {
    const cancelled: CancelledRequest[] = [];
    for (const download of this.#downloads.values()) {
      if (!isOver(download)) continue;
      const { request } = download;
      this.#promptness.onCancel(request, nowMs);
      cancelled.push({ request, chunks: download.remaining() });
      this.#finish(download, nowMs);
    }
    return cancelled;
  }

  #finish(download: Download, nowMs: number): void {
    this.#downloads.delete(download.request);
    this.#openBytes -= download.remainingBytes;
    this.#pace.onEnd(download.request, nowMs);
    if (this.#downloads.size === 0) this.window.onIdle();
  }
}
