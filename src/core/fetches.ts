import type { Urgency, WantUrgency } from '../protocol/bridge-message.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { Catalog } from './catalog.ts';
import type { ChunkReceiver, Demand, OriginForm, WantedChunk } from './demand.ts';
import type { Intake } from './intake.ts';
import type { Inventory } from './inventory.ts';
import type { PeerSession } from './peer-session.ts';
import type { Clock } from './ports.ts';

/** A fetch under way. */
export interface Want {
  /** The receiver hears nothing more; what nobody else wants is not fetched. */
  cancel(): void;
}

export interface FetchesHost {
  readonly clock: Clock;
  readonly demand: Demand;
  readonly inventory: Inventory;
  readonly intake: Intake;
  catalog(): Catalog;
  /** Peers are asked for it. */
  isShared(chunk: ChunkId): boolean;
  /** What the origin is bringing it in. */
  originFormOf(chunk: ChunkId): OriginForm | undefined;
  promptSessions(): readonly PeerSession[];
  /** Something is wanted after a time in which nothing was. */
  onFirstWant(): void;
  /** Nobody wants it any more. */
  onUnwanted(wanted: WantedChunk): void;
}

/** Turns what is asked for into demand, but for what is here. */
export class Fetches {
  readonly #host: FetchesHost;

  constructor(host: FetchesHost) {
    this.#host = host;
  }

  start(chunks: readonly ChunkId[], wantUrgency: WantUrgency, receiver: ChunkReceiver): Want {
    const { inventory, intake } = this.#host;
    const urgency = wantUrgency === 'bulk' ? 'bulk' : 'urgent';
    let cancelled = false;
    const guarded: ChunkReceiver = {
      onChunk: (chunk, plain, source) => {
        if (!cancelled) receiver.onChunk(chunk, plain, source);
      },
      onMissing: (chunk) => {
        if (!cancelled) receiver.onMissing(chunk);
      },
    };
    const unique = [...new Set(chunks)];
    const held = unique.filter((chunk) => inventory.has(chunk));
    const prompt = wantUrgency === 'prompt' ? this.#host.promptSessions() : undefined;
    for (const chunk of unique) {
      if (inventory.has(chunk)) continue;
      if (prompt !== undefined && !this.#isOffered(chunk, prompt)) guarded.onMissing(chunk);
      else this.#want(chunk, urgency, guarded);
    }
    if (held.length > 0) void intake.deliverStored(held, guarded, (chunk) => this.#want(chunk, urgency, guarded));
    return {
      cancel: () => {
        cancelled = true;
        for (const chunk of unique) this.#unwant(chunk, guarded);
      },
    };
  }

  #want(chunk: ChunkId, urgency: Urgency, receiver: ChunkReceiver): void {
    const { demand, clock } = this.#host;
    const location = this.#host.catalog().locate(chunk);
    if (location === undefined) receiver.onMissing(chunk);
    else {
      if (demand.size === 0) this.#host.onFirstWant();
      const isShared = this.#host.isShared(chunk);
      const wanted = demand.add(chunk, { location, urgency, isShared }, receiver, clock.now());
      // A plain file is read to its end, also where its reader has not asked yet.
      if (urgency === 'bulk') wanted.atOrigin ??= this.#host.originFormOf(chunk);
    }
  }

  #unwant(chunk: ChunkId, receiver: ChunkReceiver): void {
    const wanted = this.#host.demand.get(chunk);
    if (wanted === undefined) return;
    wanted.receivers.delete(receiver);
    if (wanted.receivers.size > 0 || wanted.arrived) return;
    this.#host.demand.remove(wanted);
    this.#host.onUnwanted(wanted);
  }

  #isOffered(chunk: ChunkId, sessions: readonly PeerSession[]): boolean {
    const location = this.#host.catalog().locate(chunk);
    return location !== undefined && sessions.some((session) => session.has(location));
  }
}
