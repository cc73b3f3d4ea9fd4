import { inflateRaw } from 'node:zlib';
import type { Codec } from '../core/ports.ts';

/** What zlib calls back with when asked for `info`; its types do not know. */
interface Inflated {
  readonly buffer: Buffer;
  /** `bytesWritten`: how much of the input was used. */
  readonly engine: { readonly bytesWritten: number };
}

/** Raw inflate by Node's zlib, on its thread pool. */
export function zlibCodec(): Codec {
  return {
    inflateRaw: (bytes, plainBytes) =>
      new Promise((resolve, reject) => {
        // At least 1, which is the least that zlib takes; the limit makes zlib itself stop at a bomb.
        const options = { maxOutputLength: Math.max(1, plainBytes), info: true };
        inflateRaw(bytes, options, (error, result) => {
          if (error) {
            reject(error);
            return;
          }
          const { buffer: plain, engine } = result as unknown as Inflated;
          if (plain.length !== plainBytes) reject(new RangeError(`${plain.length} bytes, not ${plainBytes}`));
          else if (engine.bytesWritten !== bytes.length) reject(new RangeError('bytes after the end of the data'));
          else resolve(ownBuffer(plain));
        });
      }),
  };
}

/** zlib's result may be a view of its larger output buffer; ours may be transferred to another thread. */
function ownBuffer(plain: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = plain;
  const isWhole = buffer instanceof ArrayBuffer && byteOffset === 0 && length === buffer.byteLength;
  return isWhole ? new Uint8Array(buffer) : new Uint8Array(plain);
}
