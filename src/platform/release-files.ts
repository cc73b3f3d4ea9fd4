import { OriginError } from '../core/errors.ts';
import { POINTER_PATH } from '../protocol/layout.ts';
import { MAX_POINTER_BYTES } from '../protocol/limits.ts';
import { decodePointer, isRetirement, type Pointer } from '../protocol/pointer.ts';
import { readCapped } from './read-capped.ts';

/** Sends back bytes for a request, or what the origin has. */
type Fetch = typeof globalThis.fetch;

/**
 * The origin's pointer, and the manifest if it is a newer release's and `patched` makes it. Nothing of it is verified:
 * these are for `loadRelease` to look at in place of the origin's files, see `filesFirst`.
 *
 * @param known sequence of the newest release that is here
 *
 * @throws OriginError when there is no pointer. @throws ProtocolError when it is none.
 */
export async function releaseFiles(
  base: string,
  fetch: Fetch,
  known: number,
  patched: (pointer: Pointer) => Promise<Uint8Array<ArrayBuffer> | undefined>,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const file = await readCapped(fetch, new URL(POINTER_PATH, base), 'no-store', MAX_POINTER_BYTES);
  const { pointer } = decodePointer(file);
  if (pointer.sequence <= known || isRetirement(pointer)) return [file];
  const manifest = await patched(pointer);
  return manifest === undefined ? [file] : [file, manifest];
}

/** Answers with these files in the order in which they are asked for, and with the origin's when they are used up. */
export function filesFirst(files: readonly Uint8Array<ArrayBuffer>[], fetch: Fetch): Fetch {
  const left = [...files];
  return (input, init) => {
    const file = left.shift();
    return file === undefined ? fetch(input, init) : Promise.resolve(new Response(file));
  };
}

/** A file that need not be there. */
export async function readIfThere(
  base: string,
  fetch: Fetch,
  path: string,
  maximumBytes: number,
): Promise<Uint8Array | undefined> {
  try {
    return await readCapped(fetch, new URL(path, base), 'default', maximumBytes);
  } catch (error) {
    if (error instanceof OriginError) return undefined;
    throw error;
  }
}
