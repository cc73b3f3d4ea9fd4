import type { ChunkReceiver, Engine, EngineOptions, StartEngine, Want } from '../../../src/client/engine.ts';
import type { Urgency } from '../../../src/protocol/bridge-message.ts';
import type { ChunkId } from '../../../src/protocol/identifier.ts';
import type { Manifest } from '../../../src/protocol/manifest.ts';

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
  readonly releases: (readonly Manifest[])[] = [];
  readonly options: EngineOptions;
  peerCount = 0;
  closed = false;

  constructor(options: EngineOptions) {
    this.options = options;
  }

  setReleases(manifests: readonly Manifest[]): void {
    this.releases.push(manifests);
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

  readonly start: StartEngine = async (options) => {
    await this.#gate;
    if (this.failure) throw this.failure;
    const engine = new FakeEngine(options);
    this.started.push(engine);
    return engine;
  };
}
