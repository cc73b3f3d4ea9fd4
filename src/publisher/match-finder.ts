import { MAXIMUM_MATCH } from '../protocol/lzma-model.ts';

const HASH_BITS = 17;
/** Earlier places of the same four bytes that are looked at. */
const CHAIN_LIMIT = 48;
const NONE = -1;

/** Finds where in a window the bytes at a position occurred before, the longer the further away. */
export class MatchFinder {
  /** After `find`: lengths, strictly rising, and for each the smallest distance, less one. */
  readonly lengths = new Int32Array(MAXIMUM_MATCH + 1);
  readonly distances = new Int32Array(MAXIMUM_MATCH + 1);
  readonly #window: Uint8Array;
  readonly #last2 = new Int32Array(1 << 16).fill(NONE);
  readonly #last3 = new Int32Array(1 << HASH_BITS).fill(NONE);
  readonly #last4 = new Int32Array(1 << HASH_BITS).fill(NONE);
  readonly #previous: Int32Array;

  constructor(window: Uint8Array) {
    this.#window = window;
    this.#previous = new Int32Array(window.length);
  }

  /** Makes the bytes from `start` to `end` known. */
  skip(start: number, end: number): void {
    for (let position = start; position < end; position += 1) this.#insert(position);
  }

  /** How many matches there are at `position`, which is known from now on. */
  find(position: number): number {
    const window = this.#window;
    const previous = this.#previous;
    const { lengths, distances } = this;
    const limit = Math.min(MAXIMUM_MATCH, window.length - position);
    let count = 0;
    let best = 1;
    let candidate = NONE;
    for (let tries = CHAIN_LIMIT + 2; tries > 0 && best < limit; tries -= 1) {
      // The last place of the same two bytes, then of the same three, then all places of the same four.
      if (tries === CHAIN_LIMIT + 2) candidate = this.#last2[this.#hash2(position)] as number;
      else if (tries === CHAIN_LIMIT + 1) candidate = limit < 3 ? NONE : (this.#last3[this.#hash3(position)] as number);
      else if (tries === CHAIN_LIMIT) candidate = limit < 4 ? NONE : (this.#last4[this.#hash4(position)] as number);
      else candidate = previous[candidate] as number;
      if (candidate === NONE) {
        if (tries <= CHAIN_LIMIT) break;
        continue;
      }
      // A longer match differs from the best one at its end at the latest.
      if (window[candidate + best] !== window[position + best]) continue;
      let length = 0;
      while (length < limit && window[candidate + length] === window[position + length]) length += 1;
      if (length <= best) continue;
      best = length;
      lengths[count] = length;
      distances[count] = position - candidate - 1;
      count += 1;
    }
    this.#insert(position);
    return count;
  }

  #insert(position: number): void {
    const left = this.#window.length - position;
    if (left < 4) return;
    this.#last2[this.#hash2(position)] = position;
    this.#last3[this.#hash3(position)] = position;
    const four = this.#hash4(position);
    this.#previous[position] = this.#last4[four] as number;
    this.#last4[four] = position;
  }

  #hash2(position: number): number {
    const window = this.#window;
    return (window[position] as number) | ((window[position + 1] as number) << 8);
  }

  #hash3(position: number): number {
    const three = this.#hash2(position) | ((this.#window[position + 2] as number) << 16);
    return Math.imul(three, 0x9e3779b1) >>> (32 - HASH_BITS);
  }

  #hash4(position: number): number {
    const window = this.#window;
    const four =
      this.#hash2(position) | ((window[position + 2] as number) << 16) | ((window[position + 3] as number) << 24);
    return Math.imul(four, 0x9e3779b1) >>> (32 - HASH_BITS);
  }
}
