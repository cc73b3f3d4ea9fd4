import { inflateRawSync } from 'node:zlib';
import type { Codec } from '../../src/core/ports.ts';

/** Inflates before the call returns, as virtual time needs it. */
export function syncCodec(): Codec {
  return {
    inflateRaw: (bytes, plainBytes) =>
      new Promise((resolve) => {
        const options = { maxOutputLength: Math.max(1, plainBytes), info: true };
        const { buffer, engine } = inflateRawSync(bytes, options) as unknown as {
          buffer: Uint8Array;
          engine: { bytesWritten: number };
        };
        if (buffer.length !== plainBytes) throw new RangeError(`${buffer.length} bytes instead of ${plainBytes}`);
        if (engine.bytesWritten !== bytes.length) throw new RangeError('bytes after the end of the compressed data');
        resolve(new Uint8Array(buffer));
      }),
  };
}
