import type { Random } from './ports.ts';

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maximumMs: number;
}

/**
 * Delay before attempt number `attempt` (counted from 0): doubles up to the maximum, with "equal jitter" (half fixed,
 * half random), so that clients that failed together do not come back together and none comes back at once.
 */
export function backoffMs(attempt: number, options: BackoffOptions, random: Random): number {
  const ceiling = Math.min(options.maximumMs, options.firstMs * 2 ** attempt);
  return ceiling / 2 + (ceiling / 2) * random.next();
}
