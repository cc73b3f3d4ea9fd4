import type { CancelTimer, Clock } from '../core/ports.ts';
import type { Urgency } from '../protocol/bridge-message.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { Manifest } from '../protocol/manifest.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';
import { type DeviceFacts, mayUsePeers } from './device-policy.ts';
import type { ChunkReceiver, Engine, StartEngine, SwarmEvents, Want } from './engine.ts';

/** What the worker wants to be served: the newest manifest first. */
export interface Releases {
  readonly config: WorkerConfig;
  readonly manifests: readonly Manifest[];
}

/** What decides, beside the publisher's mode, whether there is an engine. */
export interface Circumstances {
  readonly device: DeviceFacts;
  readonly paused: boolean;
}

export interface EngineSlotPorts {
  readonly clock: Clock;
  readonly startEngine: StartEngine;
  readonly events: SwarmEvents;
  /** It did not start; wants are answered with `missing` until the next `setReleases` or change of circumstances. */
  onFailed(cause: unknown): void;
}

interface OpenWant {
  readonly chunks: Set<ChunkId>;
  readonly urgency: Urgency;
  readonly receiver: ChunkReceiver;
  running?: Want;
}

interface Attempt {
  readonly key: string;
  readonly cancelDeadline: CancelTimer;
  /** It took longer than a want waits. */
  late: boolean;
  engine?: Engine;
}

/**
 * Wants wait this long for an engine that is starting: its script is one request, its ports are a few milliseconds. A
 * line on which that takes longer serves the page sooner from the origin.
 */
export const ENGINE_START_MS = 3000;

/**
 * At most one engine: started when there are releases and it may run, stopped when it may not. Every want is answered,
 * engine or not: `missing` sends the worker to the origin.
 */
export class EngineSlot {
  readonly #ports: EngineSlotPorts;
  readonly #wants = new Set<OpenWant>();
  #releases: Releases | undefined;
  #circumstances: Circumstances;
  #attempt: Attempt | undefined;
  #closing: Promise<unknown> = Promise.resolve();

  constructor(ports: EngineSlotPorts, circumstances: Circumstances) {
    this.#ports = ports;
    this.#circumstances = circumstances;
  }

  get peerCount(): number {
    return this.#attempt?.engine?.peerCount ?? 0;
  }

  setReleases(releases: Releases): void {
    const same = this.#releases !== undefined && sequencesOf(this.#releases) === sequencesOf(releases);
    this.#releases = releases;
    this.#update();
    if (!same) this.#attempt?.engine?.setReleases(releases.manifests);
  }

  setCircumstances(circumstances: Circumstances): void {
    this.#circumstances = circumstances;
    this.#update();
  }

  /** Delivers each chunk once, as `onChunk` or `onMissing`, unless cancelled before. */
  fetch(chunks: readonly ChunkId[], urgency: Urgency, receiver: ChunkReceiver): Want {
    const want: OpenWant = { chunks: new Set(chunks), urgency, receiver };
    this.#wants.add(want);
    if (this.#attempt?.engine) this.#run(want, this.#attempt.engine);
    else if (!this.#attempt || this.#attempt.late) this.#giveUp(want);
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
    const releases = this.#releases;
    const settings = releases?.manifests[0]?.settings;
    const { device, paused } = this.#circumstances;
    if (!releases || !settings || paused || !mayUsePeers(settings.mode, device)) {
      this.#stop();
      return;
    }
    const key = JSON.stringify([releases.config, settings.signal]);
    if (this.#attempt?.key === key) return;
    this.#stop();
    this.#start(key, releases);
  }

  #start(key: string, { config, manifests }: Releases): void {
    const settings = manifests[0]?.settings;
    if (!settings) return;
    const { clock, startEngine, events } = this.#ports;
    const cancelDeadline = clock.after(ENGINE_START_MS, () => {
      attempt.late = true;
      this.#giveUpAll();
    });
    const attempt: Attempt = { key, cancelDeadline, late: false };
    this.#attempt = attempt;
    // Not before the former one has closed: two would be two peers of the same browser.
    this.#closing
      .then(() => (this.#attempt === attempt ? startEngine({ config, settings, manifests, events }) : undefined))
      .then(
        (engine) => engine && this.#started(attempt, engine, manifests),
        (cause: unknown) => this.#failed(attempt, cause),
      );
  }

  #started(attempt: Attempt, engine: Engine, manifests: readonly Manifest[]): void {
    if (this.#attempt !== attempt) {
      this.#closeEngine(engine);
      return;
    }
    attempt.cancelDeadline();
    attempt.engine = engine;
    if (this.#releases && this.#releases.manifests !== manifests) engine.setReleases(this.#releases.manifests);
    for (const want of [...this.#wants]) this.#run(want, engine);
  }

  #failed(attempt: Attempt, cause: unknown): void {
    if (this.#attempt === attempt) this.#stop();
    this.#ports.onFailed(cause);
  }

  #stop(): void {
    const attempt = this.#attempt;
    if (!attempt) return;
    this.#attempt = undefined;
    attempt.cancelDeadline();
    this.#giveUpAll();
    if (attempt.engine) {
      this.#closeEngine(attempt.engine);
      this.#ports.events.onPeers(0);
    }
  }

  #closeEngine(engine: Engine): void {
    this.#closing = Promise.all([this.#closing, engine.close().catch((cause: unknown) => this.#ports.onFailed(cause))]);
  }

  #run(want: OpenWant, engine: Engine): void {
    want.running = engine.fetch([...want.chunks], want.urgency, {
      onChunk: (id, plain) => {
        if (this.#settle(want, id)) want.receiver.onChunk(id, plain);
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

/** Releases are immutable: a sequence number says which one it is. */
function sequencesOf({ manifests }: Releases): string {
  return manifests.map(({ sequence }) => sequence).join();
}
