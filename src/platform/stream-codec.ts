import type { Codec } from '../core/ports.ts';

/**
 * Raw inflate by DecompressionStream. Written and read by hand: through `new Response(stream).arrayBuffer()` the same
 * takes five times as long.
 */
export function streamCodec(): Codec {
  return { inflateRaw: inflate };
}

async function inflate(bytes: Uint8Array, plainBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new DecompressionStream('deflate-raw');
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  const plain = new Uint8Array(plainBytes);
  // Both settle only as the output is read; when reading fails first, that failure is the one to report.
  const written = Promise.all([writer.write(bytes as Uint8Array<ArrayBuffer>), writer.close()]);
  written.catch(() => undefined);
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (length + value.length > plainBytes) throw new RangeError(`more than ${plainBytes} bytes`);
      plain.set(value, length);
      length += value.length;
    }
    // Bytes after the end of the compressed data show here as an error.
    await written;
  } catch (error) {
    await reader.cancel(error).catch(() => undefined); // It has failed already: nothing is left to stop.
    throw error;
  }
  if (length !== plainBytes) throw new RangeError(`${length} bytes instead of ${plainBytes}`);
  return plain;
}
