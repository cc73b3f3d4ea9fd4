import { ProtocolError } from '../protocol/errors.ts';
import type { Sha256 } from '../protocol/identifier.ts';
import type { PeerMessage } from '../protocol/peer-message.ts';
import type { UploadCap } from './upload-cap.ts';

/** What this engine can tell of the newest release that it knows. */
export interface ReleaseNews {
  readonly pointer: Uint8Array;
  readonly manifestHash: Sha256;
  readonly manifest: Uint8Array;
}

/** A part of a manifest: small enough that chunks which a page waits for are not held up, and a megabyte takes 16 turns. */
const PART_BYTES = 64 * 1024;

interface PeerNewsHost {
  /** `undefined` where nothing is given to peers. */
  news(): ReleaseNews | undefined;
  readonly uploadCap: UploadCap;
  send(message: PeerMessage): void;
}

interface Pull {
  readonly manifest: Sha256;
  readonly bytes: Uint8Array<ArrayBuffer>;
  filled: number;
  settle(whole: boolean): void;
}

/** What one peer and we tell each other of releases: pointers, and the manifest that one names, part by part. */
export class PeerNews {
  readonly #host: PeerNewsHost;
  #told: ReleaseNews | undefined;
  #pull: Pull | undefined;
  #isSending = false;
  #isClosed = false;

  constructor(host: PeerNewsHost) {
    this.#host = host;
  }

  /** Tells the newest pointer, unless it was told before. */
  tell(): void {
    const news = this.#host.news();
    if (news === undefined || news.pointer === this.#told?.pointer) return;
    this.#told = news;
    this.#host.send({ type: 'pointer', bytes: news.pointer });
  }

  /** Resolves with a manifest of this length that the peer has told of, not verified; `undefined` when it does not come. */
  pull(manifest: Sha256, length: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#isClosed || this.#pull !== undefined) return Promise.resolve(undefined);
    const bytes = new Uint8Array(length);
    return new Promise((resolve) => {
      const settle = (whole: boolean): void => {
        this.#pull = undefined;
        resolve(whole ? bytes : undefined);
      };
      this.#pull = { manifest, bytes, filled: 0, settle };
      this.#host.send({ type: 'manifest-request', manifest, offset: 0 });
    });
  }

  /** The next part of the one that was asked for; none is a refusal. @throws ProtocolError */
  handlePart({ bytes }: PeerMessage & { type: 'manifest-part' }): void {
    const pull = this.#pull;
    if (pull === undefined || bytes.length > pull.bytes.length - pull.filled) {
      throw new ProtocolError('bad-value', 'part of a manifest that nobody asked for');
    }
    pull.bytes.set(bytes, pull.filled);
    pull.filled += bytes.length;
    if (bytes.length === 0 || pull.filled === pull.bytes.length) pull.settle(bytes.length > 0);
    else this.#host.send({ type: 'manifest-request', manifest: pull.manifest, offset: pull.filled });
  }

  /** @throws ProtocolError for a second request before the first was answered. */
  async handleRequest({ manifest, offset }: PeerMessage & { type: 'manifest-request' }): Promise<void> {
    if (this.#isSending) throw new ProtocolError('bad-value', 'second request for a part of a manifest');
    const { uploadCap } = this.#host;
    const news = this.#host.news();
    const end = offset + Math.min(PART_BYTES, uploadCap.fragmentBytes);
    const part = news?.manifestHash === manifest ? news.manifest.subarray(offset, end) : new Uint8Array();
    this.#isSending = true;
    await uploadCap.take(part.length);
    this.#isSending = false;
    if (!this.#isClosed) this.#host.send({ type: 'manifest-part', bytes: part });
  }

  close(): void {
    this.#isClosed = true;
    this.#pull?.settle(false);
  }
}
