import type { ConsentAnswer, ConsentState } from './consent-record.ts';
import type { TabseedError } from './errors.ts';

/** What a page finds at `globalThis.tabseed`. Functions need no `this`; nothing throws unless it says so. */
export interface Tabseed {
  /**
   * Resolves when the service worker controls this page: what is fetched from then on may come from peers. Rejects when
   * that cannot happen in this page; waiting for it is optional, and ignoring it raises no `unhandledrejection`.
   *
   * @throws TabseedError `unsupported`, `disabled`, `scope-taken`, `registration-failed`, `uncontrolled`
   */
  readonly ready: Promise<void>;
  /** The latest figures, as known in this tab. Each call returns the same object until something changed. */
  readonly stats: () => TabseedStats;
  /** Calls `listener` at each change from now on; the returned function ends that. */
  readonly on: <Name extends keyof TabseedEvents>(
    event: Name,
    listener: (value: TabseedEvents[Name]) => void,
  ) => () => void;
  /**
   * Takes files of the release into the store, in the background. URLs are relative to the page.
   *
   * @throws TabseedError as `ready`, and `request-failed`, `worker-gone`, `retired`
   */
  readonly prefetch: (urls: readonly (string | URL)[]) => Promise<void>;
  /**
   * Asks the origin for a newer release now. Resolves when that is known; what a newer one changes is downloaded in the
   * background, and events tell how far it is.
   *
   * @throws TabseedError as `ready`, and `request-failed`, `worker-gone`, `retired`
   */
  readonly checkForUpdate: () => Promise<void>;
  /**
   * Makes a downloaded release the one that pages get from their next load on. No page is reloaded; this one is, with
   * `location.reload()`, when the app thinks fit. Resolves with true also when
   * that is so already, and with false when a reload would give this page no other release.
   *
   * @throws TabseedError as `ready`, and `request-failed`, `worker-gone`, `retired`
   */
  readonly applyUpdate: () => Promise<boolean>;
  /**
   * `all`: closes all connections of this browser for this app; its requests are then served from the store and the
   * origin. `uploads`: nothing more is given to peers; what they give is taken. Lasts until `resume` in any tab, or until
   * the last tab closes.
   *
   * @param what @default "all"
   * @throws TypeError for anything else
   */
  readonly pause: (what?: PauseScope) => void;
  readonly resume: () => void;
  /**
   * Keeps the user's answer for this app in this browser, for all its tabs, until the site's data is deleted: exchange
   * with peers, take from them and give nothing, or contact nobody but the origin. Takes effect at once, and may be given
   * whether or not the publisher asks for consent.
   *
   * @throws TypeError for another answer
   */
  readonly consent: (answer: ConsentAnswer) => void;
}

/** What `pause` stops. */
export type PauseScope = 'all' | 'uploads';

/** Bytes of release content by source, since this browser first had the app; all tabs together. */
export interface TabseedStats {
  /** Decoded bytes: what files on a disk would take. */
  readonly bytes: {
    /** Found in this browser's own store. */
    readonly store: number;
    readonly peers: number;
    readonly origin: number;
    /** Given to other peers. */
    readonly uploaded: number;
    /** Arrived twice or damaged. */
    readonly wasted: number;
  };
  /** The same as sent: compressed chunks, without headers. */
  readonly wire: {
    readonly peers: number;
    readonly origin: number;
    readonly uploaded: number;
    readonly wasted: number;
  };
  /** Connected peers of this browser. */
  readonly peers: number;
  /** This tab is the one that runs the engine for all tabs of the browser. */
  readonly leader: boolean;
  /**
   * The user's answer; `wanted` while the publisher asks for one and there is none, and nobody but the origin is
   * contacted; `null` where nobody asks and nothing was answered.
   */
  readonly consent: ConsentState;
  /** What new pages get; `null` before the first release is installed. */
  readonly release: TabseedRelease | null;
  /** A newer release that pages do not get yet. */
  readonly update: TabseedUpdate | null;
}

export interface TabseedRelease {
  readonly sequence: number;
  /** The publisher's own label; may be empty. */
  readonly version: string;
}

/** A release on its way into the store, or waiting there. */
export interface TabseedUpdate extends TabseedRelease {
  /** Plain bytes that were missing and have come, of `totalBytes`. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** All of it is here and verified: `applyUpdate` makes it the one that new pages get. */
  readonly staged: boolean;
  /**
   * Code of what ended the last attempt; empty while nothing has. The next check tries again, and what could not be had is
   * tried again by itself, later each time.
   */
  readonly failure: string;
}

/** Events and what their listeners get. */
export interface TabseedEvents {
  readonly stats: TabseedStats;
  readonly peers: number;
  readonly leader: boolean;
  readonly release: TabseedRelease | null;
  /** For an app's own dialog: `wanted` means that it is time to ask. Look at `stats().consent` first. */
  readonly consent: ConsentState;
  /** There is a newer release; its download begins. */
  readonly 'update-available': TabseedRelease;
  readonly 'update-progress': TabseedRelease & Pick<TabseedUpdate, 'doneBytes' | 'totalBytes'>;
  /** It is whole in the store, and waits for what the publisher's policy says. */
  readonly 'update-ready': TabseedRelease;
  /** It could not be brought here, or is refused (sequence 0); the page's own release stays in use. */
  readonly 'update-failed': TabseedRelease & { readonly code: string };
  /** The release of this page is gone from this browser: what it loads lazily comes from the origin, if that has it. */
  readonly unrecoverable: Pick<TabseedRelease, 'sequence'>;
  /** Something failed that delivery survives; for logs and monitoring. */
  readonly error: TabseedError;
}

declare global {
  /** Present once `tabseed/client.js` ran, whether or not Tabseed can work in this page. */
  var tabseed: Tabseed;
}
