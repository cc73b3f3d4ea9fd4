/** HTTP's words for what is missing, and for what was taken away for good. */
export const NOT_FOUND = 404;
export const GONE = 410;
/** Longer than an upload that goes wrong and is seen: files that are missing for a moment must not cost an app its users. */
const CONFIRMATION_MS = 60 * 60 * 1000;

/** What an HTTP answer says of a file. A redirect that was not followed has status 0, or its own. */
interface FileAnswer {
  readonly status: number;
  readonly ok: boolean;
}

/** Each `undefined` when one of them was not answered. */
export type OriginAnswers = readonly (FileAnswer | undefined)[];

/**
 * Whether an origin without a pointer has taken the app away. 410 says so. 404 may be a deployment gone wrong: it counts
 * when pointer and worker script are both missing, twice with an hour between, while the scope itself is answered.
 *
 * @param answers to requests for the pointer, the worker script and the scope
 * @param since milliseconds since when pointer and worker script are known to be missing, if they are
 * @param now on the same clock
 * @returns true, or what `since` is now
 */
export function judgeAbsence(
  [pointer, worker, root]: OriginAnswers,
  since: unknown,
  now: number,
): number | true | null {
  if (pointer?.status === GONE || worker?.status === GONE) return true;
  if (pointer?.status !== NOT_FOUND || worker?.status !== NOT_FOUND || !root?.ok) return null;
  // Not known, or the clock was set back since: the hour starts now.
  if (typeof since !== 'number' || since > now) return now;
  return now - since < CONFIRMATION_MS ? since : true;
}
