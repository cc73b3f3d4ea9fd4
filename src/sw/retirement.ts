import { GONE, judgeAbsence, NOT_FOUND } from '../core/absence.ts';
import { POINTER_PATH } from '../protocol/layout.ts';
import type { WorkerPorts } from './worker-ports.ts';

const RECORD = 'absent-since';

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
