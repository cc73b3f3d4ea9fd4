import { OriginError } from '../core/errors.ts';

/**
 * The body of a plain GET, never more of it than allowed: a longer one is cut off at the connection.
 *
 * @throws OriginError
 */
export async function readCapped(
  fetch: typeof globalThis.fetch,
  url: URL,
  cache: RequestCache,
  maximumBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const abort = new AbortController();
  try {
    const response = await fetch(url, { cache, credentials: 'same-origin', signal: abort.signal });
    if (!response.ok) {
      throw new OriginError('origin-status', `${url}: HTTP ${response.status}`, { status: response.status });
    }
    if (response.redirected && new URL(response.url).origin !== url.origin) {
      throw new OriginError('origin-status', `${url} redirects to another origin`, { status: response.status });
    }
    return await collect(response, url, maximumBytes);
  } catch (error) {
    if (error instanceof OriginError) throw error;
    throw new OriginError('origin-unreachable', `${url} could not be read`, { cause: error });
  } finally {
    // After a whole body this does nothing.
    abort.abort();
  }
}

async function collect(response: Response, url: URL, maximumBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const piece = (await reader?.read())?.value;
    if (piece === undefined) break;
    length += piece.length;
    if (length > maximumBytes) throw new OriginError('origin-length', `${url} is longer than ${maximumBytes} bytes`);
    pieces.push(piece);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}
