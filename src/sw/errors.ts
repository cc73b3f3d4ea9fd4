import type { ReleaseRefusal } from '../platform/release-source.ts';
import { CodedError } from '../protocol/errors.ts';

/** The origin has a release that this worker does not accept. Its code says why. */
export class ReleaseRefusedError extends CodedError<ReleaseRefusal> {
  override readonly name = 'ReleaseRefusedError';

  shouldRetry(): boolean {
    return true;
  }
}

/** What a page asked for cannot be done. */
export class RequestError extends CodedError<
  | 'not-in-release'
  /** There is no release that waits for being applied. */
  | 'no-update'
> {
  override readonly name = 'RequestError';

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
