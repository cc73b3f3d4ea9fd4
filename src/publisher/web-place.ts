import { pathToUrl } from '../protocol/release-path.ts';
import { errnoOf, PublishError } from './errors.ts';
import { PREVIOUS_HINT, type ReleasePlace } from './release-place.ts';

/** Enough for a pack over 1 Mbit/s; a host that drips bytes must not hold a deployment for ever. */
const REQUEST_LIMIT_MS = 150_000;

/** A release on the web server where users find it. */
export class WebPlace implements ReleasePlace {
  readonly name: string;
  readonly isLocal = false;
  readonly #base: URL;
  readonly #abort: AbortSignal | undefined;

  /** @throws PublishError `option-invalid` */
  constructor(url: string, abort: AbortSignal | undefined) {
    this.name = url;
    this.#base = baseOf(url);
    this.#abort = abort;
  }

  async read(path: string, maximumBytes: number): Promise<Uint8Array | undefined> {
    return await this.#request('GET', path, async (response) => {
      if (response.status === 404 || response.status === 410) return undefined;
      if (response.status !== 200) throw this.#unreachable(path, `answers with status ${response.status}`);
      return await readCapped(response, maximumBytes);
    });
  }

  async has(path: string, bytes: number): Promise<boolean> {
    return await this.#request('HEAD', path, (response) => {
      const { status, headers } = response;
      // Busy or broken for now: to pack everything anew would be a costly answer to a short fault.
      if (status === 429 || status >= 500) throw this.#unreachable(path, `answers with status ${status}`);
      const isWhole = (headers.get('content-encoding') ?? 'identity') === 'identity';
      return Promise.resolve(status === 200 && isWhole && headers.get('content-length') === String(bytes));
    });
  }

  async #request<T>(method: string, path: string, use: (response: Response) => Promise<T>): Promise<T> {
    const limit = AbortSignal.timeout(REQUEST_LIMIT_MS);
    const signal = this.#abort === undefined ? limit : AbortSignal.any([this.#abort, limit]);
    try {
      const response = await fetch(new URL(pathToUrl(path), this.#base), {
        method,
        // Shared caches on the way shall ask; a stale pointer harms nothing, but costs packs.
        headers: { 'Accept-Encoding': 'identity', 'Cache-Control': 'no-cache' },
        signal,
      });
      try {
        return await use(response);
      } finally {
        // What was not read keeps its connection, and with it this process.
        await response.body?.cancel();
      }
    } catch (cause) {
      if (cause instanceof PublishError || this.#abort?.aborted === true) throw cause;
      const reason = limit.aborted ? `takes longer than ${REQUEST_LIMIT_MS / 1000} s` : `fails (${reasonOf(cause)})`;
      throw this.#unreachable(path, reason, cause);
    }
  }

  #unreachable(path: string, problem: string, cause?: unknown): PublishError {
    const message = `${new URL(pathToUrl(path), this.#base).href} ${problem}: ${PREVIOUS_HINT}`;
    return new PublishError('previous-unreachable', message, cause === undefined ? {} : { cause });
  }
}

/** Whether the value of `--previous` names a web server rather than a folder. */
export function isUrl(place: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(place);
}

function baseOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalid(`--previous ${text} is no http or https URL: name the one at which users open the app, or a folder`);
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid('--previous takes no user and password: copy what is deployed to a folder, and name that');
  }
  // Whoever leaves the slash out means the folder all the same.
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  url.search = '';
  url.hash = '';
  return url;
}

async function readCapped(response: Response, maximumBytes: number): Promise<Uint8Array> {
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  const pieces: Uint8Array[] = [];
  let left = maximumBytes + 1;
  while (left > 0) {
    const piece = (await reader?.read())?.value;
    if (piece === undefined) break;
    pieces.push(piece.subarray(0, left));
    left -= piece.length;
  }
  reader?.releaseLock();
  return Buffer.concat(pieces);
}

/** `fetch` says no more than that it failed; what failed is in its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return errnoOf(cause) ?? (cause instanceof Error ? cause.message : String(error));
}

function invalid(message: string): PublishError {
  return new PublishError('option-invalid', message);
}
