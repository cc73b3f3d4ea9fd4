import type { CancelTimer, Clock, Digest } from '../core/ports.ts';
import { PROMPT_MS } from '../core/promptness.ts';
import {
  decodeLeaderResponse,
  type LeaderRequest,
  type LeaderResponse,
  type WantUrgency,
} from '../protocol/bridge-message.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import { MAX_CHUNKS_PER_PACK } from '../protocol/limits.ts';
import type { PackedChunk } from '../protocol/manifest.ts';
import type { Traffic } from '../protocol/traffic.ts';
import type { ChunkRequest, ChunkSource } from './chunk-source.ts';

/** Tabs that are asked for a leader have so long to name one: as long as prefetching waits, which goes on without. */
const CALL_MS = 50;
/** When the origin has failed too, the leader is the only hope and gets time to come out of a long task. */
const PATIENT_ACK_MS = 10_000;
/**
 * A leader that is silent for so long loses its lock to a visible tab, and bulk goes past it, or past one that is not there
 * yet: earlier, when they are busy with a flash crowd, and each browser would take a copy of its own. What a page waits
 * for goes past it in PROMPT_MS.
 */
const TAKE_OVER_MS = 2000;
/**
 * A leader that let a page wait in vain is not waited for again, with what a page waits for: a page that is busy once is
 * mostly busy for a while, and each time would cost PROMPT_MS.
 */
const LAPSE_MS = 1000;
/** A lock passes to the next tab in some 100 ms; what its leader left undone waits so long for the next one. */
const HAND_OVER_MS = 2000;
/** Tabs that did not answer a call for the leader are not called again before this: nobody waits for them each time. */
const CALL_INTERVAL_MS = 10_000;
/** No chunk for so long after the ack, or at all when prompt: the engine, which has its own time limits, is stuck. */
const STALL_MS = { prompt: PROMPT_MS, urgent: 5000, bulk: 20_000 } as const;

/** The worker's end of a leader's MessagePort. */
export interface LeaderPort {
  postMessage(request: LeaderRequest): void;
  close(): void;
}

export interface LeaderBridgeHost {
  /** Asks all tabs for the leader; resolves with false when there is no tab. */
  callLeader(): Promise<boolean>;
  /** The leader does not answer: a visible tab shall take its place. */
  replaceLeader(): void;
  onReport(traffic: Traffic, peers: number): void;
  onConnected(isConnected: boolean): void;
}

interface Ask {
  readonly request: number;
  readonly terms: ChunkRequest;
  readonly ackMs: number;
  /** `prompt`: a page waits for it, and the worker can fetch it itself. */
  readonly urgency: WantUrgency;
  hasAck?: boolean;
  /** Neither delivered nor refused yet. */
  readonly unanswered: Map<ChunkId, PackedChunk>;
  /** Delivered; the rest is what the ask resolves with. */
  readonly given: Set<ChunkId>;
  cancelTimer?: CancelTimer;
  readonly settle: () => void;
}

/**
 * The leader tab's engine, seen from the worker. Its port may be missing (no tab, a restarted worker), deaf (a long task)
 * or dead (the tab was closed); asks survive a change of leader. Time comes from the clock alone.
 */
export class LeaderBridge implements ChunkSource {
  readonly #ports: { readonly clock: Clock; readonly digest: Digest };
  readonly #host: LeaderBridgeHost;
  readonly #asks = new Map<number, Ask>();
  #nextRequest = 1;
  #port: LeaderPort | undefined;
  #releases: LeaderRequest | undefined;
  /** The last call for a leader that no port has answered. */
  #call: { readonly atMs: number; readonly hasTabs: Promise<boolean> } | undefined;
  #silentSinceMs: number | undefined;
  /** When it last let somebody wait in vain. */
  #lapsedMs = -LAPSE_MS;
  #cancelTakeOver: CancelTimer | undefined;

  /** The same leader, for when nothing else is left: waits where others have given up. */
  readonly patient: ChunkSource = {
    take: (chunks, request) => this.take(chunks, request, PATIENT_ACK_MS),
  };

  /**
   * The same leader, if it is there, for what no page asks for. At a first visit that is in the HTTP cache, where the
   * worker finds it and an engine does not.
   */
  readonly present: ChunkSource = {
    take: (chunks, request) => this.take(chunks, request, CALL_MS),
  };

  constructor(ports: { readonly clock: Clock; readonly digest: Digest }, host: LeaderBridgeHost) {
    this.#ports = ports;
    this.#host = host;
  }

  get isConnected(): boolean {
    return this.#port !== undefined;
  }

  /** A tab became the leader: it gets the releases and all that is still open. */
  connectLeader(port: LeaderPort): void {
    this.#port?.close();
    this.#port = port;
    this.#call = undefined;
    this.#heard();
    if (this.#releases) port.postMessage(this.#releases);
    for (const ask of this.#asks.values()) this.#send(ask);
    this.#host.onConnected(true);
  }

  /** The port's other end is gone. Late news of an older port changes nothing. */
  disconnectLeader(port: LeaderPort): void {
    if (port !== this.#port) return;
    this.#port = undefined;
    this.#heard();
    for (const ask of this.#asks.values()) if (ask.urgency !== 'prompt') this.#giveTime(ask, HAND_OVER_MS);
    this.#host.onConnected(false);
  }

  setReleases(releases: LeaderRequest & { readonly type: 'releases' }): void {
    this.#releases = releases;
    this.#port?.postMessage(releases);
  }

  noteStored(chunks: readonly ChunkId[]): void {
    for (let start = 0; start < chunks.length; start += MAX_CHUNKS_PER_PACK) {
      this.#port?.postMessage({ type: 'stored', chunks: chunks.slice(start, start + MAX_CHUNKS_PER_PACK) });
    }
  }

  /**
   * At most MAX_CHUNKS_PER_WANT chunks.
   *
   * @param patienceMs until a leader that is not there yet has acknowledged the request
   */
  async take(
    chunks: readonly PackedChunk[],
    terms: ChunkRequest,
    patienceMs = TAKE_OVER_MS,
  ): Promise<readonly PackedChunk[]> {
    const { signal } = terms;
    const isPatient = patienceMs > TAKE_OVER_MS;
    const urgency = terms.urgency === 'urgent' && !isPatient ? 'prompt' : terms.urgency;
    if (!this.#port && !(await this.#callLeader(isPatient))) return chunks;
    const longestMs = urgency === 'prompt' ? PROMPT_MS : Math.max(patienceMs, this.#port ? TAKE_OVER_MS : 0);
    // Who has been waited for already is not waited for again.
    const nowMs = this.#ports.clock.now();
    const sinceMs = (this.#port ? this.#silentSinceMs : this.#call?.atMs) ?? nowMs;
    const ackMs = isPatient ? longestMs : sinceMs + longestMs - nowMs;
    if (ackMs <= 0 || signal.aborted || (urgency === 'prompt' && nowMs - this.#lapsedMs < LAPSE_MS)) return chunks;
    const given = new Set<ChunkId>();
    await new Promise<void>((resolve) => {
      const request = this.#nextRequest;
      this.#nextRequest += 1;
      const stop = () => this.#abandon(ask);
      const settle = () => {
        signal.removeEventListener('abort', stop);
        resolve();
      };
      const unanswered = new Map(chunks.map((chunk) => [chunk.id, chunk]));
      const ask: Ask = { request, terms, ackMs, urgency, unanswered, given, settle };
      this.#asks.set(request, ask);
      signal.addEventListener('abort', stop);
      this.#send(ask);
    });
    return chunks.filter((chunk) => !given.has(chunk.id));
  }

  /** @param data untrusted, from the port that `connect` got. */
  handleMessage(port: LeaderPort, data: unknown): void {
    if (port !== this.#port) return;
    let message: LeaderResponse;
    try {
      message = decodeLeaderResponse(data);
    } catch {
      // A tab of another version, or not ours at all: as good as silent.
      return;
    }
    this.#heard();
    if (message.type === 'report') {
      this.#host.onReport(message.traffic, message.peers);
      return;
    }
    const ask = this.#asks.get(message.request);
    if (!ask) return;
    ask.hasAck = true;
    if (ask.urgency !== 'prompt' || message.type === 'chunk') this.#giveTime(ask, STALL_MS[ask.urgency]);
    if (message.type === 'chunk') void this.#verify(ask, message);
    else if (message.type === 'missing') this.#answered(ask, message.chunk);
  }

  /** False when there is no tab. Who has patience calls again where others live with a call that nobody answered. */
  #callLeader(isPatient: boolean): Promise<boolean> {
    const nowMs = this.#ports.clock.now();
    if (!this.#call || nowMs - this.#call.atMs >= (isPatient ? CALL_MS : CALL_INTERVAL_MS)) {
      this.#call = { atMs: nowMs, hasTabs: this.#host.callLeader() };
    }
    return this.#call.hasTabs;
  }

  #send(ask: Ask): void {
    const { request, unanswered, urgency, ackMs } = ask;
    ask.hasAck = false;
    this.#giveTime(ask, ackMs, () => {
      if (ask.hasAck || !this.#port) return;
      this.#lapsedMs = this.#ports.clock.now();
      this.#silentSinceMs ??= this.#lapsedMs - ackMs;
      this.#cancelTakeOver ??= this.#ports.clock.after(TAKE_OVER_MS - ackMs, () => {
        this.#cancelTakeOver = undefined;
        this.#host.replaceLeader();
      });
    });
    this.#port?.postMessage({ type: 'want', request, urgency, chunks: [...unanswered.keys()] });
  }

  #giveTime(ask: Ask, milliseconds: number, onTimeOut?: () => void): void {
    ask.cancelTimer?.();
    ask.cancelTimer = this.#ports.clock.after(milliseconds, () => {
      onTimeOut?.();
      this.#abandon(ask);
    });
  }

  #heard(): void {
    this.#silentSinceMs = undefined;
    this.#cancelTakeOver?.();
    this.#cancelTakeOver = undefined;
  }

  async #verify(ask: Ask, message: LeaderResponse & { readonly type: 'chunk' }): Promise<void> {
    const { chunk: id, source } = message;
    const chunk = ask.unanswered.get(id);
    if (!chunk) return;
    const plain = new Uint8Array(message.bytes);
    const isGood = (await this.#ports.digest.sha256(plain)) === id;
    // It may have ended meanwhile, or the chunk may have come twice.
    if (!this.#asks.has(ask.request) || !ask.unanswered.has(id)) return;
    if (isGood) {
      ask.given.add(id);
      ask.terms.deliver(chunk, plain, source);
    }
    this.#answered(ask, id);
  }

  #answered(ask: Ask, id: ChunkId): void {
    ask.unanswered.delete(id);
    if (ask.unanswered.size === 0) this.#finish(ask);
  }

  #abandon(ask: Ask): void {
    this.#port?.postMessage({ type: 'cancel', request: ask.request });
    this.#finish(ask);
  }

  #finish(ask: Ask): void {
    if (!this.#asks.delete(ask.request)) return;
    ask.cancelTimer?.();
    ask.settle();
  }
}
