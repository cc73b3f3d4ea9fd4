import type { ChunkId } from '../protocol/identifier.ts';
import type { PackedChunk } from '../protocol/manifest.ts';
import type { ChunkReceiver, Want } from './engine.ts';

/** Brings chunks into the store. Resolves with those that it could not get; never rejects. */
export type GetChunks = (chunks: readonly PackedChunk[], terms: GetTerms) => Promise<readonly PackedChunk[]>;

export interface GetTerms {
  readonly signal: AbortSignal;
  /** One has come, and will be in the store soon. */
  readonly onChunk: (chunk: PackedChunk) => void;
}

/** Gets chunks, as bulk, from whatever fetches like the engine. */
export function getFrom(
  fetch: (chunks: readonly ChunkId[], urgency: 'bulk', receiver: ChunkReceiver) => Want,
  chunks: readonly PackedChunk[],
  { signal, onChunk }: GetTerms,
): Promise<readonly PackedChunk[]> {
  return new Promise((resolve) => {
    const byId = new Map(chunks.map((chunk) => [chunk.id, chunk]));
    const missing: PackedChunk[] = [];
    let open = byId.size;
    const task: { want?: Want } = {};
    const finish = (): void => {
      signal.removeEventListener('abort', finish);
      task.want?.cancel();
      resolve(missing);
    };
    const settle = (id: ChunkId, take: (chunk: PackedChunk) => void): void => {
      const chunk = byId.get(id);
      if (chunk === undefined) return;
      take(chunk);
      open -= 1;
      if (open === 0) finish();
    };
    if (open === 0 || signal.aborted) {
      finish();
      return;
    }
    signal.addEventListener('abort', finish);
    task.want = fetch([...byId.keys()], 'bulk', {
      onChunk: (id) => settle(id, onChunk),
      onMissing: (id) => settle(id, (chunk) => missing.push(chunk)),
    });
  });
}

/** Asks one after the other for what is still missing. */
export function inTurn(...getters: readonly GetChunks[]): GetChunks {
  return async (chunks, terms) => {
    let left = chunks;
    for (const get of getters) if (left.length > 0 && !terms.signal.aborted) left = await get(left, terms);
    return left;
  };
}
