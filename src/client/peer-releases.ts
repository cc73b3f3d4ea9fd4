import { judgePointer } from '../core/pointer-policy.ts';
import type { Digest } from '../core/ports.ts';
import { SignatureError, verifyPointer } from '../platform/pointer-signature.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { PeerId, Sha256 } from '../protocol/identifier.ts';
import { isRetirement, type Pointer } from '../protocol/pointer.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';

export interface PeerReleasesPorts {
  readonly config: WorkerConfig;
  readonly digest: Digest;
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

/** Releases of which peers tell: checked as those that the origin tells of, and brought to the worker. */
export class PeerReleases {
  readonly #ports: PeerReleasesPorts;
  #known: Pointer | undefined;
  /** One after the other: after the first, others mostly tell no news. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(ports: PeerReleasesPorts) {
    this.#ports = ports;
  }

  /** @param pointer the newest that the worker has verified */
  setKnown(pointer: Pointer): void {
    this.#known = pointer;
  }

  /** Resolves with what became of it: `offered`, a code, or `unavailable`. Never rejects. */
  handlePointer(peer: PeerId, bytes: Uint8Array): Promise<string> {
    // A copy: the bytes are a view of a frame.
    const pointer = bytes.slice();
    const outcome = this.#turn.then(() => this.#take(peer, pointer));
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
    const manifest = await ports.pull(peer, pointer.manifestHash, pointer.manifestBytes);
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
}
