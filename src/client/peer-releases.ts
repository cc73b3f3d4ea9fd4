import { judgePointer } from '../core/pointer-policy.ts';
import type { Clock, Digest } from '../core/ports.ts';
import { SignatureError, verifyPointer } from '../platform/pointer-signature.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { PeerId, Sha256 } from '../protocol/identifier.ts';
import { isRetirement, type Pointer } from '../protocol/pointer.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';

export interface PeerReleasesPorts {
  readonly config: WorkerConfig;
  readonly digest: Digest;
  readonly clock: Pick<Clock, 'after'>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** A manifest from this peer, not verified; `undefined` when it does not come. */
  pull(peer: PeerId, manifest: Sha256, length: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  ban(peer: PeerId, code: string): void;
  /** To the worker, which verifies it again. */
  offer(pointer: Uint8Array, manifest: Uint8Array): Promise<void>;
}

/** Said of every release by honest peers, too: their clocks and stores differ from ours. */
const BLAMELESS: ReadonlySet<string> = new Set(['no-news', 'renewal', 'expired', 'below-floor']);

/** While one peer is asked for its manifest, the others wait: one that never gives it must not hold up their news. */
const PULL_START_MS = 3000;
const PULL_BYTES_PER_MS = 16;

/** Releases of which peers tell: checked as those that the origin tells of, and brought to the worker. */
export class PeerReleases {
  readonly #ports: PeerReleasesPorts;
  #known: Pointer | undefined;
  /** One after the other: after the first, others mostly tell no news. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Not looked at yet: the last of each peer, however many it sends. */
  readonly #waiting = new Map<PeerId, Uint8Array<ArrayBuffer>>();

  constructor(ports: PeerReleasesPorts) {
    this.#ports = ports;
  }

  /** @param pointer the newest that the worker has verified */
  setKnown(pointer: Pointer): void {
    this.#known = pointer;
  }

  /**
   * Resolves with what became of it: `offered`, a code, `unavailable`, or `superseded` for a later one of the peer that takes
   * the turn of an earlier one. Never rejects.
   */
  handlePointer(peer: PeerId, bytes: Uint8Array): Promise<string> {
    const isWaiting = this.#waiting.has(peer);
    // A copy: the bytes are a view of a frame.
    this.#waiting.set(peer, bytes.slice());
    if (isWaiting) return Promise.resolve('superseded');
    const outcome = this.#turn.then(() => {
      const pointer = this.#waiting.get(peer) as Uint8Array<ArrayBuffer>;
      this.#waiting.delete(peer);
      return this.#take(peer, pointer);
    });
    this.#turn = outcome;
    return outcome;
  }

  async #take(peer: PeerId, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    const ports = this.#ports;
    const { config, digest } = ports;
    let pointer: Pointer;
    try {
      pointer = await verifyPointer(bytes, config);
    } catch (error) {
      const code = error instanceof ProtocolError ? 'malformed' : error instanceof SignatureError ? error.code : '';
      // Without a code it is this browser that cannot verify.
      if (code !== '') ports.ban(peer, code);
      return code || 'unavailable';
    }
    const judgement = judgePointer(pointer, { config, known: this.#known, nowSeconds: Math.floor(ports.now() / 1000) });
    if (judgement !== 'install') {
      if (!BLAMELESS.has(judgement)) ports.ban(peer, judgement);
      return judgement;
    }
    // Taking an app away is between its publisher and the origin.
    if (isRetirement(pointer)) return 'retired';
    const manifest = await this.#pull(peer, pointer);
    if (manifest === undefined) return 'unavailable';
    if ((await digest.sha256(manifest)) !== pointer.manifestHash) {
      ports.ban(peer, 'wrong-manifest');
      return 'wrong-manifest';
    }
    try {
      await ports.offer(bytes, manifest);
    } catch (error) {
      // Of the worker, or none that answers. Another peer may tell of it again.
      return (error as { readonly detail?: string }).detail ?? 'unavailable';
    }
    this.#known = pointer;
    return 'offered';
  }

  #pull(peer: PeerId, { manifestHash, manifestBytes }: Pointer): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const ports = this.#ports;
    return new Promise((resolve) => {
      const cancel = ports.clock.after(PULL_START_MS + manifestBytes / PULL_BYTES_PER_MS, () => resolve(undefined));
      void ports.pull(peer, manifestHash, manifestBytes).then((manifest) => {
        cancel();
        resolve(manifest);
      });
    });
  }
}
