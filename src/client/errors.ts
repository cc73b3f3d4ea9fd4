/** What went wrong in the page part; documented in ARCHITECTURE.md. */
export type TabseedErrorCode =
  /** No service worker here: an old browser, an insecure context, a sandboxed frame or blocked storage. */
  | 'unsupported'
  /** `?tabseed=off` in the page's URL. */
  | 'disabled'
  /** A worker that is not ours is registered for the same scope; ours was not registered. */
  | 'scope-taken'
  /** The worker script did not load, install or activate. */
  | 'registration-failed'
  /** The page came past an active worker, as after Shift-reload; the next plain load has it. */
  | 'uncontrolled'
  /** The publisher took the app out of Tabseed while this page was open, or the user removed what it had stored. */
  | 'retired'
  /** The worker refused a request; `detail` is its own code. */
  | 'request-failed'
  /** The worker ended before it answered. */
  | 'worker-gone'
  /** The engine's script or one of its ports did not start; files come from the store and the origin. */
  | 'engine-failed'
  /** A message of the worker that this version does not understand. */
  | 'bad-message'
  /** A peer sent bytes that are not what it said; it is not spoken to again. */
  | 'peer-banned';

const TEMPORARY: readonly TabseedErrorCode[] = ['uncontrolled', 'request-failed', 'worker-gone', 'engine-failed'];

/** A failure of Tabseed in this page. The page itself is not affected: its requests go to the network. */
export class TabseedError extends Error {
  override readonly name = 'TabseedError';
  readonly code: TabseedErrorCode;
  /** The code of the part that failed, when it is another one. */
  readonly detail: string | undefined;

  constructor(code: TabseedErrorCode, message: string, options?: ErrorOptions & { detail?: string }) {
    super(message, options);
    this.code = code;
    this.detail = options?.detail;
  }

  shouldRetry(): boolean {
    return TEMPORARY.includes(this.code);
  }
}

/** Says so to the page whose Tabseed ends while it is open. */
export function retired(): TabseedError {
  return new TabseedError('retired', 'Tabseed was taken out of this app, or of this browser');
}

/** What the page is told of any failure. */
export function asTabseedError(cause: unknown): TabseedError {
  if (cause instanceof TabseedError) return cause;
  return new TabseedError('engine-failed', 'unexpected failure', { cause });
}
