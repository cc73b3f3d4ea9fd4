import { ProtocolError } from '../protocol/errors.ts';
import { MAX_LABEL_BYTES, MAX_PATH_BYTES } from '../protocol/limits.ts';
import { MAX_SEQUENCE } from '../protocol/pointer.ts';
import {
  type ConsentRule,
  DEFAULT_SETTINGS,
  encodeSettings,
  MODES,
  type Mode,
  type Settings,
  type UpdatePolicy,
} from '../protocol/settings.ts';
import { PublishError } from './errors.ts';
import { globPattern } from './release-sources.ts';

/** What to publish, and how. Fields left out have the default that they name. */
export interface PublishOptions {
  /** Folder of the built app. */
  readonly source: string;
  /** Folder that becomes what the origin serves. A release in it is the one that this release follows. */
  readonly out: string;
  /**
   * What is deployed, which this release follows: the URL at which users open the app, or a folder. `out` is then empty.
   * @default the release in `out`, if there is one
   */
  readonly previous?: string | undefined;
  /** Copy the previous release's packs into `out`, for hosts that replace all files at once. @default false */
  readonly complete?: boolean | undefined;
  /**
   * Ed25519 private key, PKCS#8 in PEM; several, one after the other, while it is changed for another: all of them sign,
   * and browsers trust them all.
   */
  readonly key: string;
  /** The key is for development: the worker runs on loopback hosts only. @default false */
  readonly development?: boolean | undefined;
  readonly scripts: BuiltScripts;
  /** @default "site" */
  readonly mode?: Mode | undefined;
  /** URL of the signaling server, absolute or relative to the scope. @default "tabseed/signal" */
  readonly signal?: string | undefined;
  /** Whom mode `group` is for: browsers meet only those of the same group. */
  readonly group?: string | undefined;
  /** `ask`: a browser contacts nobody but the origin before its user agreed. @default "none" */
  readonly consent?: ConsentRule | undefined;
  /** Most that one browser uploads. @default no cap */
  readonly uploadBytesPerSecond?: number | undefined;
  /**
   * Longest that a browser's bulk waits for peers, from its start on, before it asks the origin, in milliseconds;
   * 15,000 at most.
   *
   * @default 3000, and half a second where nobody else has the app open
   */
  readonly originDelayMs?: number | undefined;
  /** Peers that give so much together are not helped by the origin. @default 500,000 */
  readonly minPeerBytesPerSecond?: number | undefined;
  /** Files with fewer bytes come from the origin alone, as long as it has them. @default 0 */
  readonly minFileBytes?: number | undefined;
  /** When a release that is whole in a browser's store becomes the one that new pages get. @default "prompt" */
  readonly updates?: UpdatePolicy | undefined;
  /** Globs of files that no update waits for: they come when they are first asked for. @default none */
  readonly lazy?: readonly string[] | undefined;
  /** Nor does an update wait for files with more bytes than this. @default no limit */
  readonly lazyAboveBytes?: number | undefined;
  /** Page of a single-page app, such as `index.html`: it answers navigations to what is no file. @default none */
  readonly fallback?: string | undefined;
  /** Globs of paths that the fallback does not stand for, such as `/api`. @default none */
  readonly fallbackExcept?: readonly string[] | undefined;
  /** App id. @default that of the previous release, else a hash of key and scope. */
  readonly app?: string | undefined;
  /** @default "stable" */
  readonly channel?: string | undefined;
  /** The publisher's own name of this release. @default "" */
  readonly version?: string | undefined;
  /**
   * URL path where the app lives, such as `/app/`. When given, script tags use it instead of a path relative to their
   * page. @default "/" for the app id, relative script tags
   */
  readonly scope?: string | undefined;
  /** Globs of files that are copied but are no part of the release. @default none */
  readonly exclude?: readonly string[] | undefined;
  /**
   * Path in `source` of the app's own worker, which has Tabseed in it. It gets the config as its first line and is no
   * file of the release; pages wait for it instead of registering `tabseed-sw.js`. @default none
   */
  readonly worker?: string | undefined;
  /** Response headers by path. @default `_headers` in `source`, when there is one. */
  readonly headersFile?: string | undefined;
  /** Add the client script to HTML files. @default true */
  readonly inject?: boolean | undefined;
  /** A first visit waits, for at most three seconds, for what peers have of the page's files. @default false */
  readonly boot?: boolean | undefined;
  /** @default the larger of the previous sequence + 1 and the time in Unix seconds */
  readonly sequence?: number | undefined;
  /** Unix seconds that the release states. @default now */
  readonly created?: number | undefined;
  /** All earlier releases are withdrawn: browsers and seeds neither give them to others nor keep them. @default false */
  readonly withdraw?: boolean | undefined;
  /** Stops the publish; `out` stays as it is. */
  readonly abort?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PublishProgress) => void) | undefined;
}

/** The built code that a release brings along. */
export interface BuiltScripts {
  /** Folder with `client.js` and the scripts that it loads lazily. */
  readonly page: string;
  /** The service worker, one classic script. */
  readonly worker: string;
}

export interface PublishProgress {
  readonly path: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** Every choice made. */
export interface PublishPlan {
  readonly source: string;
  readonly out: string;
  readonly previous: string | undefined;
  readonly complete: boolean;
  readonly key: string;
  readonly development: boolean;
  readonly scripts: BuiltScripts;
  /** As the manifest has them. */
  readonly settings: string;
  readonly app: string | undefined;
  readonly channel: string;
  readonly version: string;
  readonly scope: string | undefined;
  readonly exclude: readonly string[];
  readonly worker: string | undefined;
  readonly headersFile: string | undefined;
  readonly inject: boolean;
  readonly boot: boolean;
  readonly sequence: number | undefined;
  readonly created: number;
  readonly withdraw: boolean;
  /** Unix seconds. */
  readonly now: number;
  readonly abort: AbortSignal | undefined;
  readonly onProgress: (progress: PublishProgress) => void;
}

const DEFAULT_CHANNEL = 'stable';
const SIGNAL_PROTOCOLS = new Set(['http:', 'https:', 'ws:', 'wss:']);

/** @throws PublishError `option-invalid` */
export function planOf(options: PublishOptions, now: number): PublishPlan {
  const { channel = DEFAULT_CHANNEL, version = '', scope, sequence } = options;
  if (scope !== undefined && !/^\/(?:[^/?#"<>\s\\]+\/)*$/.test(scope)) {
    throw invalid(`scope "${scope}" is no URL path with a slash at both ends, such as /app/`);
  }
  if (sequence !== undefined && (!Number.isSafeInteger(sequence) || sequence < 1)) {
    throw invalid(`sequence ${sequence} is no whole number above 0`);
  }
  if (sequence !== undefined && sequence > MAX_SEQUENCE) {
    throw invalid(`sequence ${sequence} is above ${MAX_SEQUENCE}: no browser would believe it`);
  }
  const created = options.created ?? now;
  if (!Number.isSafeInteger(created) || created < 0) throw invalid(`created ${created} is no number of Unix seconds`);
  checkLabel('app', options.app);
  checkLabel('channel', channel);
  checkLabel('version', version === '' ? undefined : version);
  return {
    source: options.source,
    out: options.out,
    previous: options.previous,
    complete: options.complete ?? false,
    key: options.key,
    development: options.development ?? false,
    scripts: options.scripts,
    settings: settingsOf(options),
    app: options.app,
    channel,
    version,
    scope,
    exclude: options.exclude ?? [],
    worker: options.worker,
    headersFile: options.headersFile,
    inject: options.inject ?? true,
    boot: isBoot(options),
    sequence,
    created,
    withdraw: options.withdraw ?? false,
    now,
    abort: options.abort,
    onProgress: options.onProgress ?? (() => undefined),
  };
}

function settingsOf(options: PublishOptions): string {
  const {
    mode = DEFAULT_SETTINGS.mode,
    signal = DEFAULT_SETTINGS.signal,
    consent = DEFAULT_SETTINGS.consent,
  } = options;
  const { group, uploadBytesPerSecond, originDelayMs, minPeerBytesPerSecond, minFileBytes, lazyAboveBytes } = options;
  const { updates = DEFAULT_SETTINGS.updates, lazy = DEFAULT_SETTINGS.lazy } = options;
  if (!MODES.includes(mode)) throw invalid(`mode "${mode as string}" is none of ${MODES.join(', ')}`);
  if (Buffer.byteLength(signal) > MAX_PATH_BYTES || !isSignalUrl(signal)) {
    throw invalid(`signal "${signal}" is no URL of a signaling server, such as wss://example.org/tabseed/signal`);
  }
  checkLabel('group', group);
  try {
    return encodeSettings({
      mode,
      signal,
      group,
      consent,
      uploadBytesPerSecond,
      originDelayMs,
      minPeerBytesPerSecond,
      minFileBytes,
      updates,
      lazy: lazy.map(globPattern),
      lazyAboveBytes,
      fallback: fallbackOf(options),
    });
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    throw new PublishError('option-invalid', cause.message, { cause });
  }
}

/** Addresses of an app have no dot in their last part: what has one is a file that is missing. */
function fallbackOf({ fallback, fallbackExcept = [] }: PublishOptions): Settings['fallback'] {
  if (fallback === undefined) {
    if (fallbackExcept.length > 0)
      throw invalid('exceptions from a fallback need one: name its page, such as index.html');
    return undefined;
  }
  const except = fallbackExcept.map((glob) => `(?!${globPattern(glob)})`).join('');
  return [fallback.replace(/^\//, ''), `^${except}(?:.*/)?(?:[^./]*|index\\.html)$`];
}

function isBoot({ boot = false, inject = true, mode, consent, worker }: PublishOptions): boolean {
  if (boot && !inject) throw invalid('boot needs its script in the pages: leave --no-inject out');
  if (boot && (mode === 'off' || consent === 'ask'))
    throw invalid('boot is for peers, whom a first visit may not meet');
  if (boot && worker !== undefined) throw invalid("boot registers Tabseed's own worker: it cannot wait for the app's");
  return boot;
}

function checkLabel(name: string, value: string | undefined): void {
  if (value === undefined) return;
  const bytes = Buffer.byteLength(value);
  if (bytes === 0 || bytes > MAX_LABEL_BYTES || /[\p{Cc}\p{Cs}]/u.test(value)) {
    throw invalid(`${name} must be 1 to ${MAX_LABEL_BYTES} bytes of text without control characters`);
  }
}

function isSignalUrl(signal: string): boolean {
  if (!URL.canParse(signal, 'https://scope.invalid/')) return false;
  return SIGNAL_PROTOCOLS.has(new URL(signal, 'https://scope.invalid/').protocol);
}

function invalid(message: string): PublishError {
  return new PublishError('option-invalid', message);
}
