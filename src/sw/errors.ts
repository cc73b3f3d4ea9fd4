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

/** The page named a URL that no file of the active release has. */
export class NotInReleaseError extends Error {
  override readonly name = 'NotInReleaseError';
  readonly code = 'not-in-release';

  constructor() {
    super('one of these URLs is no file of the active release');
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
