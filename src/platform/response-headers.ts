import { type ResponsePlan, takenOver } from '../core/response-plan.ts';
import type { HeaderSet } from '../protocol/manifest.ts';
import { SOURCE_TIMING } from '../protocol/server-timing.ts';

/**
 * All headers of the worker's response with a file.
 *
 * @param own those that the file came with
 * @param source where its bytes come from
 */
export function responseHeaders(own: HeaderSet, plan: ResponsePlan, source: string): Headers {
  const headers = new Headers();
  for (const [name, value] of [...takenOver(own), ...plan.headers]) headers.append(name, value);
  headers.set('server-timing', `${SOURCE_TIMING};desc="${source}"`);
  return headers;
}
