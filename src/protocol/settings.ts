import { ProtocolError } from './errors.ts';
import { MAX_LAZY_PATTERNS, MAX_PATH_BYTES, MAX_SETTINGS_BYTES } from './limits.ts';
import { asCount, asLabel, asList, asOneOf, asText, parseFields } from './shape.ts';
import { type Reach, SIGNAL_PATH } from './signal-message.ts';
import { encodeUtf8 } from './utf8.ts';

/** Whom a browser may exchange chunks with; DESIGN.md, Manners. */
export type Mode = 'off' | 'site' | 'group' | 'internet';
export const MODES: readonly Mode[] = ['off', 'site', 'group', 'internet'];

/** Whether a browser contacts peers before its user agreed. */
export type ConsentRule = 'none' | 'ask';
export const CONSENT_RULES: readonly ConsentRule[] = ['none', 'ask'];

/**
 * When a release that is whole in the store becomes the one that pages get from their next load on. `prompt`: when a page
 * calls `applyUpdate`, or no tab of the old one is left. `on-next-load`: at once. `immediately`: the same, and pages that
 * are open are told. A page that is open keeps its release in any case.
 */
export type UpdatePolicy = 'prompt' | 'on-next-load' | 'immediately';
export const UPDATE_POLICIES: readonly UpdatePolicy[] = ['prompt', 'on-next-load', 'immediately'];

/** What the publisher decided for every client of a release. */
export interface Settings {
  /** @default "site" */
  readonly mode: Mode;
  /** URL of the signaling server, absolute or relative to the scope; empty when there is none. @default "tabseed/signal" */
  readonly signal: string;
  /** In mode `group`, and there only: peers meet only those of the same group. */
  readonly group: string | undefined;
  /** @default "none" */
  readonly consent: ConsentRule;
  /** Most that one browser uploads. @default no cap */
  readonly uploadBytesPerSecond: number | undefined;
  /** Longest that bulk waits for peers before the origin is asked, from a browser's start on. @default decided by the engine */
  readonly originDelayMs: number | undefined;
  /** Peers that give so much together are not helped by the origin. @default decided by the engine */
  readonly minPeerBytesPerSecond: number | undefined;
  /** Smaller files come from the origin alone. @default none */
  readonly minFileBytes: number | undefined;
  /** @default "prompt" */
  readonly updates: UpdatePolicy;
  /** Regular expressions of paths that an update does not wait for. @default none */
  readonly lazy: readonly string[];
  /** Nor does it wait for files with more bytes than this. @default no limit */
  readonly lazyAboveBytes: number | undefined;
  /** The page of a single-page app's addresses: its path, and a regular expression of the paths that it stands for. @default none */
  readonly fallback: readonly [file: string, paths: string] | undefined;
}

/**
 * A peer that gives less than 12 KiB in 3 s counts as silent and is left (core/pace.ts): when the six peers that a browser
 * looks for all take from it at once, each gets 16 KiB in that time.
 */
export const MIN_UPLOAD_BYTES_PER_SECOND = 32 * 1024;

/** A worker takes an engine that gives nothing for 20 s for stuck (sw/leader-bridge.ts), and goes to the origin alone. */
export const MAX_ORIGIN_DELAY_MS = 15_000;

export const DEFAULT_SETTINGS: Settings = {
  mode: 'site',
  signal: SIGNAL_PATH,
  group: undefined,
  consent: 'none',
  uploadBytesPerSecond: undefined,
  originDelayMs: undefined,
  minPeerBytesPerSecond: undefined,
  minFileBytes: undefined,
  updates: 'prompt',
  lazy: [],
  lazyAboveBytes: undefined,
  fallback: undefined,
};

/**
 * The settings as a manifest has them: JSON. What equals its default and is not needed to understand the rest is left out.
 *
 * @throws ProtocolError when a client would refuse them, with the client's reason.
 */
export function encodeSettings(settings: Settings): string {
  const { mode, signal, group, consent, uploadBytesPerSecond, originDelayMs, minPeerBytesPerSecond } = settings;
  const { minFileBytes, updates, lazy, lazyAboveBytes, fallback } = settings;
  const text = JSON.stringify({
    mode,
    signal,
    group,
    consent: consent === DEFAULT_SETTINGS.consent ? undefined : consent,
    uploadBytesPerSecond,
    originDelayMs,
    minPeerBytesPerSecond,
    minFileBytes,
    updates: updates === DEFAULT_SETTINGS.updates ? undefined : updates,
    lazy: lazy.length === 0 ? undefined : lazy,
    lazyAboveBytes,
    fallback,
  });
  decodeSettings(text);
  return text;
}

/**
 * Fields that this version does not know are ignored, so that a later publisher can add some. A value that it does not
 * know is refused: to guess who may be contacted would be wrong, and without settings nobody is.
 *
 * @throws ProtocolError
 */
export function decodeSettings(text: string): Settings {
  if (encodeUtf8(text).length > MAX_SETTINGS_BYTES) throw new ProtocolError('too-large', 'settings');
  const fields = { ...DEFAULT_SETTINGS, ...parseFields(text, 'settings') } as Readonly<Record<string, unknown>>;
  const mode = asOneOf(fields.mode, 'mode', MODES);
  const group = fields.group === undefined ? undefined : asLabel(fields.group, 'group');
  if ((mode === 'group') !== (group !== undefined && group !== '')) {
    throw new ProtocolError('bad-value', 'mode "group" needs a group, and no other mode has one');
  }
  const { fallback } = fields;
  const uploadBytesPerSecond = asCountIfAny(fields.uploadBytesPerSecond, 'upload cap');
  if (uploadBytesPerSecond !== undefined && uploadBytesPerSecond < MIN_UPLOAD_BYTES_PER_SECOND) {
    throw new ProtocolError('bad-value', `an upload cap below ${MIN_UPLOAD_BYTES_PER_SECOND} bytes a second`);
  }
  const originDelayMs = asCountIfAny(fields.originDelayMs, 'delay of the origin');
  if (originDelayMs !== undefined && originDelayMs > MAX_ORIGIN_DELAY_MS) {
    throw new ProtocolError('bad-value', `a delay of the origin above ${MAX_ORIGIN_DELAY_MS} ms`);
  }
  return {
    mode,
    signal: asText(fields.signal, 'signal', MAX_PATH_BYTES),
    group,
    consent: asOneOf(fields.consent, 'consent', CONSENT_RULES),
    uploadBytesPerSecond,
    originDelayMs,
    minPeerBytesPerSecond: asCountIfAny(fields.minPeerBytesPerSecond, 'lowest rate of peers'),
    minFileBytes: asCountIfAny(fields.minFileBytes, 'size of a file for peers'),
    updates: asOneOf(fields.updates, 'updates', UPDATE_POLICIES),
    lazy: asList(fields.lazy, 'lazy', MAX_LAZY_PATTERNS, (pattern) => asText(pattern, 'pattern', MAX_PATH_BYTES)),
    lazyAboveBytes: asCountIfAny(fields.lazyAboveBytes, 'size of a lazy file'),
    fallback: fallback === undefined ? undefined : asFallback(fallback),
  };
}

function asCountIfAny(value: unknown, name: string): number | undefined {
  return value === undefined ? undefined : asCount(value, name);
}

function asFallback(value: unknown): readonly [string, string] {
  const [file, paths, ...more] = asList(value, 'fallback', 2, (text) => asText(text, 'fallback', MAX_SETTINGS_BYTES));
  if (file === undefined || paths === undefined || more.length > 0) throw new ProtocolError('bad-value', 'fallback');
  return [file, paths];
}

/** What a peer of this mode tells the signaling server. A group is a room of its own: there everybody is meant. */
export function reachOf(mode: Mode): Reach {
  return mode === 'site' ? 'site' : 'any';
}

/**
 * All that a worker needs of the settings; the whole decoder would be a hundredth of its script.
 *
 * @throws Error for a text that is no settings at all: what a worker throws at, the network answers.
 */
export function workerSettings(text: string): Pick<Settings, 'mode' | 'fallback'> {
  return JSON.parse(text) as Settings;
}
