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
  const pieces: BlobPart[] = [];
  for (let piece = await source.next(); piece !== undefined; piece = await source.next()) {
    pieces.push(piece as Uint8Array<ArrayBuffer>);
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
