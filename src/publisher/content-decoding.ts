import { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { PublishError } from './errors.ts';
import type { ContentEncoding } from './response-headers.ts';

/**
 * The bytes that a browser sees of a file stored with Content-Encoding: a worker's response is never decoded again.
 *
 * @throws PublishError `source-encoding`
 */
export async function* decodeContent(
  pieces: AsyncIterable<Uint8Array>,
  encoding: ContentEncoding,
  path: string,
): AsyncGenerator<Uint8Array> {
  const source = Readable.from(copies(pieces), { objectMode: false });
  const decoder = decoderOf(encoding);
  source.on('error', (error) => decoder.destroy(error));
  try {
    for await (const piece of source.pipe(decoder)) yield piece as Uint8Array;
  } catch (cause) {
    if (cause instanceof PublishError) throw cause;
    throw new PublishError(
      'source-encoding',
      `${path} is declared with Content-Encoding ${encoding}, but does not decode: correct the headers file`,
      { cause },
    );
  } finally {
    source.destroy();
    decoder.destroy();
  }
}

/** A stream queues pieces that its source is about to overwrite. */
async function* copies(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield piece.slice();
}

function decoderOf(encoding: ContentEncoding) {
  switch (encoding) {
    case 'br':
      return createBrotliDecompress();
    case 'gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    default:
      return encoding satisfies never;
  }
}
