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
    if (eligible(wanted)) return extendSpan(demand, wanted, eligible, maximumBytes);
  }
  return undefined;
}

/** A wanted chunk and its eligible neighbours after it in the pack. */
export function extendSpan(
  demand: Demand,
  first: WantedChunk,
  eligible: (wanted: WantedChunk) => boolean,
  maximumBytes: number,
): Span {
  const { pack, index } = first.location;
  const limit = Math.min(maximumBytes, MAX_SPAN_BYTES);
  let bytes = encodedBytesOf(first);
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

/**
 * Where the next request to a peer begins: urgent chunks in order, then the chunk that the fewest peers have.
 *
 * @param turn from 0 to 1: where among equally rare ones the search begins, so that not everybody takes the same.
 * `undefined`: all in order.
 */
export function pickFirst(
  wanted: readonly WantedChunk[],
  eligible: (wanted: WantedChunk) => boolean,
  holders: (wanted: WantedChunk) => number,
  turn: number | undefined,
): WantedChunk | undefined {
  if (turn === undefined) return wanted.find(eligible);
  const urgent = wanted.find((one) => one.urgency === 'urgent' && eligible(one));
  if (urgent !== undefined) return urgent;
  const start = Math.floor(turn * wanted.length);
  let rarest: WantedChunk | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (let step = 0; step < wanted.length; step += 1) {
    const one = wanted[(start + step) % wanted.length] as WantedChunk;
    if (holders(one) >= fewest || !eligible(one)) continue;
    rarest = one;
    fewest = holders(one);
  }
  return rarest;
}
