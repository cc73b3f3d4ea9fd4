import { CodedError } from '../protocol/errors.ts';

/** Codes of failures inside Tabseed that are not a peer's fault; documented in ARCHITECTURE.md. */
export type OriginErrorCode =
  /** No HTTP answer: offline, DNS, CORS, connection lost in the middle. */
  | 'origin-unreachable'
  /** An HTTP status that is no success. */
  | 'origin-status'
  /** The server answered a Range with something else: 200, another range, or a compressed one. */
  | 'origin-range'
  /** The body ended early or went on too long. */
  | 'origin-length'
  /** A plain file came uncompressed, where only a compressed one is worth it. */
  | 'origin-uncompressed';

/** The origin did not give what was asked for. */
export class OriginError extends CodedError<OriginErrorCode> {
  override readonly name = 'OriginError';
  /** The HTTP status, when there was one. */
  readonly status: number | undefined;

  constructor(code: OriginErrorCode, message: string, options?: ErrorOptions & { status?: number }) {
    super(code, message, options);
    this.status = options?.status;
  }

  shouldRetry(): boolean {
    return this.code !== 'origin-range' && this.status !== 404 && this.status !== 410;
  }
}

export type StoreErrorCode =
  /** No space, by quota or disk. */
  | 'store-full'
  /** The cap that its owner set is reached. */
  | 'disk-limit'
  /** Blocked, lost or broken: work on without it. */
  | 'store-unavailable';

/** The chunk store failed; delivery goes on without it. */
export class StoreError extends CodedError<StoreErrorCode> {
  override readonly name = 'StoreError';

  shouldRetry(): boolean {
    return this.code === 'store-unavailable';
  }
}

export type IntegrityErrorCode =
  /** The bytes do not have the SHA-256 that the manifest states. */
  | 'chunk-hash'
  /** The bytes do not decode to the length that the manifest states. */
  | 'chunk-encoding';

/** Bytes that are not the chunk they claim to be. They are dropped; a peer that sent them is banned. */
export class IntegrityError extends CodedError<IntegrityErrorCode> {
  override readonly name = 'IntegrityError';

  shouldRetry(): boolean {
    return true;
  }
}
