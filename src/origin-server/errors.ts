/** What keeps an origin server from starting; each is explained in ARCHITECTURE.md. */
export type OriginServerErrorCode =
  /** OUT is not a folder that can be read. */
  | 'out-missing'
  /** OUT has no pointer: nothing was published into it. */
  | 'release-missing'
  /** The pointer or its manifest does not decode, or they do not belong together. */
  | 'release-damaged';

/** The server cannot serve this folder. The message is one line and says what to do. */
export class OriginServerError extends Error {
  override readonly name = 'OriginServerError';
  readonly code: OriginServerErrorCode;

  constructor(code: OriginServerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** True when the same call may succeed later without a change by the user: a publish may be under way. */
  shouldRetry(): boolean {
    return this.code === 'release-damaged';
  }
}
