import { readCapped } from '../platform/read-capped.ts';

/** A host that drips bytes must not hold a health check for ever. */
const REQUEST_LIMIT_MS = 15_000;
/** What a host says is printed: short, and without the control characters that a terminal obeys. */
const MAX_QUOTED_CHARACTERS = 100;

type CheckLevel = 'ok' | 'warn' | 'fail';

/** One line of a health check. */
export interface Check {
  readonly name: string;
  readonly level: CheckLevel;
  /** What was found, and for `warn` and `fail` what to do. */
  readonly message: string;
}

/** Requests to one app that remember the headers of what was answered. */
export class HealthProbe {
  readonly checks: Check[] = [];
  readonly base: string;
  readonly #answers = new Map<string, Response>();

  /** @param base the scope: absolute, with a `/` at its end */
  constructor(base: string) {
    this.base = base;
  }

  /** With a time limit; `fetch` as others want it. */
  readonly fetch: typeof fetch = async (input, init) => {
    const limit = AbortSignal.timeout(REQUEST_LIMIT_MS);
    const signal = init?.signal ? AbortSignal.any([init.signal, limit]) : limit;
    const response = await fetch(input, { ...init, signal });
    this.#answers.set(input instanceof Request ? input.url : input.toString(), response);
    return response;
  };

  /** The last answer for a path, whose body may be read already. */
  answer(path: string): Response | undefined {
    return this.#answers.get(new URL(path, this.base).href);
  }

  header(path: string, name: string): string {
    return this.answer(path)?.headers.get(name) ?? '';
  }

  /** @throws OriginError */
  read(path: string, maximumBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    return readCapped(this.fetch, new URL(path, this.base), 'no-store', maximumBytes);
  }

  /** Status and headers alone. `undefined` when there is no answer. */
  async look(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response | undefined> {
    try {
      const response = await this.fetch(new URL(path, this.base), { headers, cache: 'no-store' });
      await response.body?.cancel();
      return response;
    } catch {
      return undefined;
    }
  }

  ok(name: string, message: string): void {
    this.checks.push({ name, level: 'ok', message });
  }

  warn(name: string, message: string): void {
    this.checks.push({ name, level: 'warn', message });
  }

  fail(name: string, message: string): void {
    this.checks.push({ name, level: 'fail', message });
  }
}

/** What somebody else's server said, fit for a terminal. */
export function quoted(text: string): string {
  return `"${text.replace(/[^ -~]/g, '?').slice(0, MAX_QUOTED_CHARACTERS)}"`;
}

export function isScriptType(contentType: string): boolean {
  return /^(?:text|application)\/(?:x-)?(?:javascript|ecmascript)\s*(?:;|$)/i.test(contentType);
}

/** Seconds for which a cache may answer without asking; 0 when it must ask. */
export function maxAgeOf(cacheControl: string): number {
  if (/\bno-(?:cache|store)\b/i.test(cacheControl)) return 0;
  return Number(/\bmax-age=(\d{1,12})/i.exec(cacheControl)?.[1] ?? 0);
}
