/** Each connection costs native code some memory for good, and `@roamhq/wrtc` is known to hang after many. */
const MAXIMUM_DIALS = 2000;
/** Sixty connections that are sending take some 300 MB. */
const MAXIMUM_RSS_BYTES = 1024 * 1024 * 1024;
const MAXIMUM_AGE_MS = 24 * 60 * 60 * 1000;
/** Whatever the reason, not more often than this: a new process that is as large at once must not be replaced for ever. */
const MINIMUM_AGE_MS = 10 * 60 * 1000;

export type RecyclingReason = 'connections' | 'memory' | 'age';

/** Why an engine's process should make way for a new one now, if it should. */
export function recyclingReason(engine: {
  readonly ageMs: number;
  readonly dialCount: number;
  readonly rssBytes: number;
}): RecyclingReason | undefined {
  if (engine.ageMs < MINIMUM_AGE_MS) return undefined;
  if (engine.dialCount >= MAXIMUM_DIALS) return 'connections';
  if (engine.rssBytes >= MAXIMUM_RSS_BYTES) return 'memory';
  return engine.ageMs >= MAXIMUM_AGE_MS ? 'age' : undefined;
}
