import type { ChunkReceiver, Engine, EngineEvents, Releases, StartEngine, Want } from '../../../src/client/engine.ts';
import type { Urgency } from '../../../src/protocol/bridge-message.ts';
import type { ChunkId } from '../../../src/protocol/identifier.ts';

interface Fetch {
  readonly chunks: readonly ChunkId[];
  readonly urgency: Urgency;
  readonly receiver: ChunkReceiver;
  cancelled: boolean;
}

/** An engine that answers when the test does. */
export class FakeEngine implements Engine {
  readonly fetches: Fetch[] = [];
  readonly stored: ChunkId[] = [];
  readonly releases: Releases[];
  readonly events: EngineEvents;
  peerCount = 0;
  /** What the next `setReleases` says. */
  fits = true;
  uploading = true;
  closed = false;

  constructor(releases: Releases, events: EngineEvents) {
    this.releases = [releases];
    this.events = events;
  }

  setReleases(releases: Releases): boolean {
    if (this.fits) this.releases.push(releases);
    return this.fits;
  }

  fetch(chunks: readonly ChunkId[], urgency: Urgency, receiver: ChunkReceiver): Want {
    const fetch: Fetch = { chunks, urgency, receiver, cancelled: false };
    this.fetches.push(fetch);
    return {
      cancel: () => {
        fetch.cancelled = true;
      },
    };
  }

  setUploading(uploading: boolean): void {
    this.uploading = uploading;
  }

  noteStored(chunks: readonly ChunkId[]): void {
    this.stored.push(...chunks);
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

/** Starts fake engines; each start waits for `open` unless it was called before. */
export class FakeEngines {
  readonly started: FakeEngine[] = [];
  readonly #gate: Promise<void>;
  #open: () => void = () => undefined;
  failure: Error | undefined;
  /** What the releases say of peers. */
  mode: 'on' | 'off' | 'ask' = 'on';

  constructor() {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  get last(): FakeEngine {
    const engine = this.started.at(-1);
    if (!engine) throw new Error('no engine was started');
    return engine;
  }

  open(): void {
    this.#open();
  }

  readonly start: StartEngine = async (releases, agreed, events) => {
    await this.#gate;
    if (this.failure) throw this.failure;
    if (this.mode === 'off') return 'off';
    if (this.mode === 'ask' && !agreed) return 'consent-wanted';
    const engine = new FakeEngine(releases, events);
    this.started.push(engine);
    return engine;
  };
}
