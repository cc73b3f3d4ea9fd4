import type { ReleaseFile } from '../protocol/manifest.ts';

/** Below it, what is looked up costs more than compiled code saves. */
const MINIMUM_BYTES = 32 * 1024;

/** Whether a browser keeps what it has compiled of a file, where it gets the file's response from a cache. */
export function isStartFile({ mediaType, plainBytes }: ReleaseFile): boolean {
  return plainBytes >= MINIMUM_BYTES && /javascript|wasm/.test(mediaType);
}
