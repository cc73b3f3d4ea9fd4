import { OriginError } from '../core/errors.ts';
import type { ByteSource } from '../core/ports.ts';

export interface FetchPlan {
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cache: RequestCache;
  /** A longer body is cut off at the connection. @default no limit */
  readonly maximumBytes?: number;
  /** A shorter one is wrong. @default 0 */
  readonly minimumBytes?: number;
  /** Throws an OriginError when the body must not be read. */
  readonly check: (response: Response) => void;
}

type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

/** The body of one GET, read as it is asked for. The request starts with the first `next`. */
export class HttpSource implements ByteSource {
  readonly #fetch: typeof fetch;
  readonly #plan: FetchPlan;
  readonly #abort = new AbortController();
  #reader: Promise<BodyReader | undefined> | undefined;
  #receivedBytes = 0;

  constructor(fetch: typeof globalThis.fetch, plan: FetchPlan) {
    this.#fetch = fetch;
    this.#plan = plan;
  }

  async next(): Promise<Uint8Array | undefined> {
    try {
      this.#reader ??= this.#start();
      const reader = await this.#reader;
      const piece = reader && (await reader.read()).value;
      // A body that is cut off by `cancel` may look like one that has ended.
      this.#abort.signal.throwIfAborted();
      this.#checkLength(piece);
      return piece;
    } catch (error) {
      this.cancel();
      if (error instanceof OriginError) throw error;
      throw new OriginError('origin-unreachable', `${this.#plan.url} could not be read`, { cause: error });
    }
  }

  cancel(): void {
    this.#abort.abort();
  }

  async #start(): Promise<BodyReader | undefined> {
    const { url, headers = {}, cache, check } = this.#plan;
    // Taken out of `this`: a browser's fetch refuses to be called as a method of another object.
    const fetch = this.#fetch;
    const response = await fetch(url, {
      headers,
      cache,
      credentials: 'same-origin',
      signal: this.#abort.signal,
    });
    if (response.redirected && new URL(response.url).origin !== url.origin) {
      throw new OriginError('origin-status', `${url} redirects to another origin`, { status: response.status });
    }
    check(response);
    return response.body?.getReader();
  }

  #checkLength(piece: Uint8Array | undefined): void {
    const { maximumBytes = Number.POSITIVE_INFINITY, minimumBytes = 0, url } = this.#plan;
    this.#receivedBytes += piece?.length ?? 0;
    const isShort = piece === undefined && this.#receivedBytes < minimumBytes;
    if (!isShort && this.#receivedBytes <= maximumBytes) return;
    throw new OriginError('origin-length', `${url}: ${this.#receivedBytes} bytes are not what was expected`);
  }
}
