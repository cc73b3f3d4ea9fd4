import { TAB_POLICY } from '../core/policy.ts';
import type { ChunkStore } from '../core/ports.ts';
import { type ChunkReceiver, Swarm } from '../core/swarm.ts';
import { engineOrigin } from '../platform/engine-origin.ts';
import { consoleLog } from '../platform/log.ts';
import { streamCodec } from '../platform/stream-codec.ts';
import { subtleDigest } from '../platform/subtle-digest.ts';
import { systemClock, systemRandom } from '../platform/system-clock.ts';
import type { WantUrgency } from '../protocol/bridge-message.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { Manifest } from '../protocol/manifest.ts';
import type { Traffic } from '../protocol/traffic.ts';
import { type GetChunks, getFrom } from './chunk-getter.ts';
import { noDialer, noSignaling } from './no-peers.ts';

/** The origin alone: where there are no peers, may be none, or none has a chunk. Nothing happens before it is asked. */
export class OriginSwarm {
  readonly #scope: string;
  readonly #manifest: Manifest;
  readonly #store: ChunkStore;
  readonly #onTraffic: (delta: Traffic) => void;

  constructor(scope: string, manifest: Manifest, store: ChunkStore, onTraffic: (delta: Traffic) => void) {
    this.#scope = scope;
    this.#manifest = manifest;
    this.#store = store;
    this.#onTraffic = onTraffic;
  }

  /** Into the store. */
  readonly get: GetChunks = async (chunks, terms) => {
    const swarm = await this.#start();
    const left = await getFrom((ids, urgency, receiver) => swarm.fetch(ids, urgency, receiver), chunks, terms);
    // Writes what is left.
    await swarm.close();
    return left;
  };

  /** As `first` does, and then what it has not. */
  after(first: Swarm['fetch']): Swarm['fetch'] {
    return (chunks, urgency, receiver) => {
      const missing: ChunkId[] = [];
      let open = new Set(chunks).size;
      const settle = (): void => {
        open -= 1;
        if (open === 0 && missing.length > 0) void this.#fetch(missing, urgency, receiver);
      };
      return first(chunks, urgency, {
        onChunk: (...chunk) => {
          receiver.onChunk(...chunk);
          settle();
        },
        onMissing: (id) => {
          missing.push(id);
          settle();
        },
      });
    };
  }

  async #fetch(chunks: readonly ChunkId[], urgency: WantUrgency, receiver: ChunkReceiver): Promise<void> {
    const swarm = await this.#start();
    let open = chunks.length;
    const settle = (): void => {
      open -= 1;
      if (open === 0) void swarm.close();
    };
    swarm.fetch(chunks, urgency, {
      onChunk: (...chunk) => {
        receiver.onChunk(...chunk);
        settle();
      },
      onMissing: (id) => {
        receiver.onMissing(id);
        settle();
      },
    });
  }

  async #start(): Promise<Swarm> {
    const ignore = (): void => undefined;
    const swarm = new Swarm(
      {
        clock: systemClock(),
        random: systemRandom(),
        digest: subtleDigest(),
        codec: streamCodec(),
        store: this.#store,
        origin: engineOrigin({ base: this.#scope, fetch: (input, init) => fetch(input, init) }),
        log: consoleLog(),
        signaling: noSignaling(),
        dialer: noDialer(),
      },
      TAB_POLICY,
      { onPeers: ignore, onTraffic: this.#onTraffic, onBan: ignore, onPointer: ignore },
    );
    swarm.setReleases([this.#manifest]);
    await swarm.start();
    return swarm;
  }
}
