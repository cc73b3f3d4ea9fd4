import type { StoredChunk } from '../core/ports.ts';

/** Raw deflate by CompressionStream, or the plain bytes where there is none (Safari before 16.4) or it saves nothing. */
export async function deflateRaw(plain: Uint8Array): Promise<StoredChunk> {
  if ('CompressionStream' in globalThis) {
    const body = new Blob([plain as Uint8Array<ArrayBuffer>])
      .stream()
      .pipeThrough(new CompressionStream('deflate-raw'));
    const bytes = new Uint8Array(await new Response(body).arrayBuffer());
    if (bytes.length < plain.length) return { encoding: 'deflate-raw', bytes };
  }
  return { encoding: 'identity', bytes: plain };
}
