import type { ReleaseRefusal } from '../platform/release-source.ts';

/** The origin has a release that this worker does not accept. Its code says why. */
export class ReleaseRefusedError extends Error {
  override readonly name = 'ReleaseRefusedError';
  readonly code: ReleaseRefusal;

  constructor(code: ReleaseRefusal) {
    super(`the release on the origin is refused: ${code}`);
    this.code = code;
  }

  shouldRetry(): boolean {
    return true;
  }
}

/** What a page asked for cannot be done. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code:
    | 'not-in-release'
    /** There is no release that waits for being applied. */
    | 'no-update';

  constructor(code: RequestError['code'], message: string) {
    super(message);
    this.code = code;
  }

  shouldRetry(): boolean {
    return false;
  }
}

/** No source gave this chunk: not the store, not the leader, not the origin. */
export class FeedError extends Error {
  override readonly name = 'FeedError';
  readonly code = 'chunk-unavailable';

  shouldRetry(): boolean {
    return true;
  }
}
