import type { PackId } from '../protocol/identifier.ts';
import type { DataMessage, PeerMessage } from '../protocol/peer-message.ts';
import { type ChunkLocation, chunkAt, type Span } from './catalog.ts';
import type { FlowWindow } from './flow-window.ts';
import { type CancelledRequest, OpenRequests } from './open-requests.ts';
import type { PeerConduct } from './peer-conduct.ts';
import type { StoredChunk } from './ports.ts';

export interface DownloadQueueHost {
  now(): number;
  /** Whether the peer can be asked at all. */
  isOpen(): boolean;
  send(message: PeerMessage): void;
  /** The number under which the pack was announced. */
  numberOf(pack: PackId): number | undefined;
  /** Whether another peer has it, too. */
  isElsewhere(chunk: ChunkLocation): boolean;
  onChunk(location: ChunkLocation, stored: StoredChunk): void;
  /** Bytes that came for nothing. */
  onUnneeded(bytes: number): void;
  /** These do not come; of the first `doubted` of them we believe that the peer does not have them. */
  onRefused(chunks: readonly ChunkLocation[], doubted: number): void;
}

/** What one peer was asked for: requests and cancels out, data and refusals in. */
export class DownloadQueue {
  readonly #conduct: PeerConduct;
  readonly #host: DownloadQueueHost;
  readonly #requests = new OpenRequests();

  constructor(conduct: PeerConduct, host: DownloadQueueHost) {
    this.#conduct = conduct;
    this.#host = host;
  }

  /** Measured rate and round trip, and how much may be open. */
  get window(): FlowWindow {
    return this.#requests.window;
  }

  /** Bytes that may be asked for now; 0 when its window or its request slots are full. */
  get room(): number {
    if (!this.#host.isOpen() || this.#conduct.isBusy(this.#host.now())) return 0;
    return this.#requests.room;
  }

  /** Whether it can be asked for something that a page waits for. */
  get isPrompt(): boolean {
    return this.room > 0 && this.#requests.isPrompt(this.#host.now());
  }

  /** Something was asked for and has not come. */
  get isAsked(): boolean {
    return this.#requests.size > 0;
  }

  /** Encoded bytes asked for and not yet arrived. */
  get openBytes(): number {
    return this.#requests.openBytes;
  }

  /** How long what is open still takes at its measured rate, or has taken already. */
  get queueMs(): number {
    return this.#requests.queueMs(this.#host.now());
  }

  /** What is left of its last request. */
  get last(): readonly ChunkLocation[] {
    return this.#requests.last;
  }

  /** How long nothing to speak of has come; 0 when nothing is open. */
  silentMs(nowMs: number): number {
    return this.#requests.silentMs(nowMs);
  }

  /** Next to nothing comes although something is open. */
  isSilent(nowMs: number): boolean {
    return this.#requests.isSilent(nowMs);
  }

  request(span: Span): void {
    const pack = this.#host.numberOf(span.pack.id);
    if (pack === undefined) throw new Error('a span of a pack that was never announced');
    const nowMs = this.#host.now();
    const { request, bytes } = this.#requests.add(span, nowMs);
    this.#conduct.onOwnRequest(bytes, nowMs);
    this.#host.send({ type: 'request', request, pack, first: span.first, count: span.count });
  }

  /** Cancels every request of which nothing is needed any more. */
  cancelUnneeded(needed: (chunk: ChunkLocation) => boolean): void {
    this.#cancel(this.#requests.cancelUnneeded(needed, this.#host.now()));
  }

  /** Takes back what should have come by now: others are asked, this peer is not asked again. */
  takeBackLate(nowMs: number): void {
    const late = this.#cancel(this.#requests.cancelLate((chunk) => this.#host.isElsewhere(chunk), nowMs));
    if (late.length === 0) return;
    this.#conduct.onReject(this.#requests.next, this.#requests.next);
    this.#host.onRefused(late, late.length);
  }

  /** Our own timers were late by so much: what the peer sent meanwhile may wait to be read. */
  onOwnDelay(lateMs: number): void {
    this.#requests.onOwnDelay(lateMs);
  }

  handleReject(request: number): void {
    const nowMs = this.#host.now();
    const refused = this.#requests.onReject(request, nowMs);
    // Cancelled at the same time, or never asked for.
    if (refused === undefined) this.#conduct.charge(1, nowMs);
    else this.#host.onRefused(refused, this.#conduct.onReject(request, this.#requests.next));
  }

  /** @throws ProtocolError */
  handleData(message: DataMessage): void {
    const nowMs = this.#host.now();
    const { length } = message.bytes;
    const arrived = this.#requests.onData(message, nowMs);
    if (arrived === 'unasked') {
      this.#conduct.onLateData(length, nowMs);
      this.#host.onUnneeded(length);
      return;
    }
    this.#conduct.onMoved(length);
    if (arrived === undefined) {
      // Far below the largest fragment it costs more than it earns.
      this.#conduct.charge(1, nowMs);
      return;
    }
    this.#conduct.onChunk();
    this.#host.onChunk(arrived.location, arrived.stored);
  }

  /** Nothing comes any more. @returns what had not come */
  close(): ChunkLocation[] {
    const unanswered = this.#requests.remaining();
    this.#requests.clear();
    return unanswered;
  }

  /** @returns what had not come */
  #cancel(cancelled: readonly CancelledRequest[]): ChunkLocation[] {
    for (const { request, chunks } of cancelled) {
      const plainBytes = chunks.reduce((sum, chunk) => sum + chunkAt(chunk).plainBytes, 0);
      this.#conduct.onOwnCancel(plainBytes, this.#host.now());
      this.#host.send({ type: 'cancel', request });
    }
    return cancelled.flatMap(({ chunks }) => chunks);
  }
}
