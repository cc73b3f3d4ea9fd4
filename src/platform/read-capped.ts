import { checkFile } from './http-origin.ts';
import { HttpSource } from './http-source.ts';

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
  const source = new HttpSource(fetch, { url, cache, maximumBytes, check: checkFile });
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let piece = await source.next(); piece !== undefined; piece = await source.next()) {
    pieces.push(piece);
    length += piece.length;
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}
