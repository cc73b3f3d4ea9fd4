import type { CancelTimer, Clock } from '../core/ports.ts';
import type { WantUrgency } from '../protocol/bridge-message.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import { type Circumstances, hasAgreed, type PeerUse, peerUse } from './device-policy.ts';
import type { ChunkReceiver, Declined, Engine, EngineEvents, Releases, StartEngine, Want } from './engine.ts';

export interface EngineSlotPorts {
  readonly clock: Clock;
  readonly startEngine: StartEngine;
  /** Calls back when an engine takes nothing from the page's own start; what is returned prevents that. */
  readonly whenQuiet: (start: () => void) => CancelTimer;
  readonly events: EngineEvents;
  /** Whether the releases want an answer of the user that is not there. */
  onConsentWanted(wanted: boolean): void;
  /** It did not start or not close. Wants are answered with `missing` until releases or circumstances come again. */
  onFailed(cause: unknown): void;
}

interface OpenWant {
  readonly chunks: Set<ChunkId>;
  readonly urgency: WantUrgency;
  readonly receiver: ChunkReceiver;
  running?: Want;
}

/** One engine from its start to its end. */
interface Attempt {
  /** What it was started with; a starting engine cannot be told anything newer. */
  readonly releases: Releases;
  readonly cancelDeadline: CancelTimer;
  /** Wants are kept for it. Not when it took too long, or the releases allow no peers. */
  worthWaiting: boolean;
  /** Resolves when it has started or failed; when nobody wanted it any more by then, as soon as it has closed again. */
  starting?: Promise<void>;
  declined?: Declined;
  engine?: Engine;
}

/**
 * Bulk waits this long for an engine that is starting: its script is one request, its ports are a few milliseconds. On a
 * machine on which twelve browsers start at once it took 5 s, and who went to the origin after 3 s took a whole copy.
 */
export const ENGINE_START_MS = 10_000;

/**
 * At most one engine: started when there are releases and it may run, as soon as something is wanted of it or the page is
 * quiet; stopped when it may not. Every want is answered, engine or not: `missing` sends the worker to the origin.
 */
export class EngineSlot {
  readonly #ports: EngineSlotPorts;
  readonly #wants = new Set<OpenWant>();
  #releases: Releases | undefined;
  #use: PeerUse;
  #agreed: boolean;
  #attempt: Attempt | undefined;
  #cancelStart: CancelTimer | undefined;
  #closing: Promise<unknown> = Promise.resolve();

  constructor(ports: EngineSlotPorts, circumstances: Circumstances) {
    this.#ports = ports;
    this.#use = peerUse(circumstances);
    this.#agreed = hasAgreed(circumstances);
  }

  /** @throws ProtocolError */
  setReleases(releases: Releases): void {
    this.#releases = releases;
    const { engine } = this.#attempt ?? {};
    // An attempt that is still starting catches up by itself; one that was declined is tried anew.
    if (engine ? !engine.setReleases(releases) : this.#attempt?.worthWaiting === false) this.#stop();
    this.#update();
  }

  setCircumstances(circumstances: Circumstances): void {
    this.#use = peerUse(circumstances);
    const agreed = hasAgreed(circumstances);
    // Only the engine's script knows whether the release asks: it is asked anew.
    const isOutdated = agreed ? this.#attempt?.declined === 'consent-wanted' : this.#agreed;
    if (isOutdated) this.#stop();
    this.#agreed = agreed;
    this.#attempt?.engine?.setUploading(this.#use === 'all');
    this.#update();
  }

  /** Delivers each chunk once, as `onChunk` or `onMissing`, unless cancelled before. */
  fetch(chunks: readonly ChunkId[], urgency: WantUrgency, receiver: ChunkReceiver): Want {
    const want: OpenWant = { chunks: new Set(chunks), urgency, receiver };
    this.#wants.add(want);
    if (this.#cancelStart) this.#startNow();
    if (this.#attempt?.engine) this.#run(want, this.#attempt.engine);
    else if (urgency === 'prompt' || !this.#attempt?.worthWaiting) this.#giveUp(want);
    return {
      cancel: () => {
        this.#wants.delete(want);
        want.running?.cancel();
      },
    };
  }

  noteStored(chunks: readonly ChunkId[]): void {
    // An engine that is still starting reads the store itself.
    this.#attempt?.engine?.noteStored(chunks);
  }

  /** Resolves when every connection is closed. */
  async close(): Promise<void> {
    this.#releases = undefined;
    this.#update();
    await this.#closing;
  }

  #update(): void {
    if (!this.#releases || this.#use === 'none') this.#stop();
    else if (!this.#attempt) this.#cancelStart ??= this.#ports.whenQuiet(() => this.#startNow());
  }

  #startNow(): void {
    this.#cancelStart?.();
    this.#cancelStart = undefined;
    if (this.#releases && !this.#attempt) this.#start(this.#releases);
  }

  #start(releases: Releases): void {
    const { clock, startEngine, events } = this.#ports;
    const cancelDeadline = clock.after(ENGINE_START_MS, () => {
      attempt.worthWaiting = false;
      this.#giveUpAll();
    });
    const attempt: Attempt = { releases, cancelDeadline, worthWaiting: true };
    this.#attempt = attempt;
    // Not before the former one has closed: two would be two peers of the same browser.
    attempt.starting = this.#closing
      .then(() => (this.#attempt === attempt ? startEngine(releases, this.#agreed, events) : 'off'))
      .then((engine) => this.#started(attempt, engine))
      .catch((cause: unknown) => {
        if (this.#attempt === attempt) this.#stop();
        this.#ports.onFailed(cause);
      });
  }

  #started(attempt: Attempt, result: Engine | Declined): Promise<void> | undefined {
    if (this.#attempt !== attempt) return typeof result === 'string' ? undefined : this.#closed(result);
    attempt.cancelDeadline();
    if (typeof result === 'string') {
      attempt.declined = result;
      attempt.worthWaiting = false;
      this.#giveUpAll();
    } else {
      attempt.engine = result;
      result.setUploading(this.#use === 'all');
      for (const want of [...this.#wants]) this.#run(want, result);
    }
    this.#ports.onConsentWanted(result === 'consent-wanted');
    if (result === 'consent-wanted' && this.#agreed) {
      // The answer came meanwhile.
      this.#stop();
      this.#update();
    } else if (this.#releases && this.#releases !== attempt.releases) this.setReleases(this.#releases);
    return undefined;
  }

  #stop(): void {
    this.#cancelStart?.();
    this.#cancelStart = undefined;
    const attempt = this.#attempt;
    if (!attempt) return;
    this.#attempt = undefined;
    attempt.cancelDeadline();
    this.#giveUpAll();
    const closed = attempt.engine ? this.#closed(attempt.engine) : attempt.starting;
    this.#closing = Promise.all([this.#closing, closed]);
    if (attempt.engine) this.#ports.events.onPeers(0);
  }

  #closed(engine: Engine): Promise<void> {
    return engine.close().catch((cause: unknown) => this.#ports.onFailed(cause));
  }

  #run(want: OpenWant, engine: Engine): void {
    want.running = engine.fetch([...want.chunks], want.urgency, {
      onChunk: (id, plain, source) => {
        if (this.#settle(want, id)) want.receiver.onChunk(id, plain, source);
      },
      onMissing: (id) => {
        if (this.#settle(want, id)) want.receiver.onMissing(id);
      },
    });
  }

  /** False when the chunk was settled before, or its want given up. */
  #settle(want: OpenWant, id: ChunkId): boolean {
    const open = this.#wants.has(want) && want.chunks.delete(id);
    if (want.chunks.size === 0) this.#wants.delete(want);
    return open;
  }

  #giveUp(want: OpenWant): void {
    this.#wants.delete(want);
    want.running?.cancel();
    for (const id of want.chunks) want.receiver.onMissing(id);
  }

  #giveUpAll(): void {
    for (const want of [...this.#wants]) this.#giveUp(want);
  }
}
