import { POINTER_PATH } from '../protocol/layout.ts';
import type { WorkerPorts } from './worker-ports.ts';

const RECORD = 'absent-since';
const NOT_FOUND = 404;
const GONE = 410;
/** Longer than an upload that goes wrong and is seen: files that are missing for a moment must not cost an app its users. */
const CONFIRMATION_MS = 60 * 60 * 1000;

/** Each `undefined` when one of them was not answered. A redirect has status 0. */
export type OriginAnswers = readonly (Pick<Response, 'status' | 'ok'> | undefined)[];

/**
 * Whether an origin without a pointer has taken the app away. 410 says so. 404 may be a deployment gone wrong: it counts
 * when pointer and worker script are both missing, twice with an hour between, while the scope itself is answered.
 *
 * @param answers to requests for the pointer, the worker script and the scope
 * @param since Unix milliseconds since when pointer and worker script are known to be missing, if they are
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

/**
 * Whether the app is retired, as far as a check for news has shown.
 *
 * @param failure what the check failed with; `undefined` when it did not
 * @param now Unix milliseconds
 */
export async function isRetired(
  { records, fetch }: Pick<WorkerPorts, 'records' | 'fetch'>,
  { location, registration: { scope } }: Pick<ServiceWorkerGlobalScope, 'location' | 'registration'>,
  failure: unknown,
  now: number,
): Promise<boolean> {
  const { code, status } = Object(failure) as { code?: unknown; status?: unknown };
  if (code === 'retired') return true;
  const since = await records.read(RECORD);
  let verdict: number | true | null = null;
  if (status === NOT_FOUND || status === GONE) {
    // Asked for one by one: the check may have failed at a manifest, or after a redirect to a page that asks for a login.
    const requests = [scope + POINTER_PATH, location.href, scope].map((url) =>
      fetch(url, { cache: 'no-store', redirect: 'manual' }),
    );
    verdict = judgeAbsence(await Promise.all(requests).catch(() => []), since, now);
  }
  if (verdict === true) return true;
  // Only a change is written: a check has no news most of the time.
  if (verdict !== (since ?? null)) await records.write({ [RECORD]: verdict });
  return false;
}
