export type NodePeerErrorCode =
  /** The app's URL is not one of HTTP. */
  | 'bad-url'
  /** Not 64 hex digits. */
  | 'bad-public-key'
  /** There is no `tabseed-sw.js` with a config in its first line. */
  | 'not-published'
  /** The origin names another app, channel or key than before, or than was given. */
  | 'not-trusted'
  /** Signed with a development key, which counts on loopback hosts only. */
  | 'development-key'
  /** The origin's newest release was refused, and no earlier one is on disk. */
  | 'release-refused'
  /** The release's mode is `off`. */
  | 'peers-off'
  /** The publisher took Tabseed out of the app. */
  | 'retired'
  /** Another process works with this store. */
  | 'store-locked'
  /** The process of the engine died several times before it had started once. */
  | 'engine-died'
  /** `close` was called before the mirror was complete. */
  | 'closed';

/** A Node peer cannot do what it was asked for; the message says what to do. */
export class NodePeerError extends Error {
  override readonly name = 'NodePeerError';
  readonly code: NodePeerErrorCode;

  constructor(code: NodePeerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  shouldRetry(): boolean {
    return this.code === 'release-refused';
  }
}

export function retired(base: string): NodePeerError {
  return new NodePeerError('retired', `${base} is retired: nobody needs a seed; its store may be deleted`);
}
