import type { Span } from './catalog.ts';
import { type Demand, encodedBytesOf, type WantedChunk } from './demand.ts';

/** The most that one request names: large enough to hide a round trip, small enough to move when it is slow. */
export const MAX_SPAN_BYTES = 1024 * 1024;
const MAX_SPAN_CHUNKS = 64;

/**
 * The first wanted chunk that is eligible, extended by its eligible neighbours in the pack. `undefined` when there is
 * none. At least one chunk is returned even when it is larger than `maximumBytes`.
 */
export function pickSpan(
  demand: Demand,
  eligible: (wanted: WantedChunk) => boolean,
  maximumBytes: number,
): Span | undefined {
  for (const wanted of demand.inOrder()) {
    if (!eligible(wanted)) continue;
    const { pack, index } = wanted.location;
    const limit = Math.min(maximumBytes, MAX_SPAN_BYTES);
    let bytes = encodedBytesOf(wanted);
    let count = 1;
    while (count < MAX_SPAN_CHUNKS) {
      const next = pack.chunks[index + count];
      const neighbour = next && demand.get(next.id);
      if (neighbour === undefined || neighbour.location.pack !== pack || neighbour.location.index !== index + count)
        break;
      if (!eligible(neighbour)) break;
      bytes += encodedBytesOf(neighbour);
      if (bytes > limit) break;
      count += 1;
    }
    return { pack, first: index, count };
  }
  return undefined;
}
