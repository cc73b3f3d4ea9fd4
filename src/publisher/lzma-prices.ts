import * as model from '../protocol/lzma-model.ts';

const PRICE_SHIFT = 4;
/** Bits × 16 that a decision of a given probability costs. */
const PRICES = Int32Array.from({ length: 1 << (model.PROBABILITY_BITS - PRICE_SHIFT) }, (_, index) => {
  const probability = (index + 0.5) / (1 << (model.PROBABILITY_BITS - PRICE_SHIFT));
  return Math.round(-Math.log2(probability) * 16);
});
/** What does not depend on the model: a bit of a distance that is written as it is. */
const DIRECT_BIT = 16;

/** What decisions would cost with the model as it is now. Tables of lengths and distances are as old as `refresh`. */
export class LzmaPrices {
  readonly #probabilities: Uint16Array;
  readonly #matchLengths = new Int32Array(model.MAXIMUM_MATCH + 1);
  readonly #repLengths = new Int32Array(model.MAXIMUM_MATCH + 1);
  readonly #slots = new Int32Array(model.LENGTH_STATES * 64);
  readonly #near = new Int32Array(model.LENGTH_STATES * 128);
  readonly #align = new Int32Array(16);

  constructor(probabilities: Uint16Array) {
    this.#probabilities = probabilities;
    this.refresh();
  }

  refresh(): void {
    this.#fillLengths(this.#matchLengths, model.MATCH_LENGTH);
    this.#fillLengths(this.#repLengths, model.REP_LENGTH);
    for (let low = 0; low < 16; low += 1) this.#align[low] = this.#reverseTree(model.ALIGN, 4, low);
    for (let state = 0; state < model.LENGTH_STATES; state += 1) {
      for (let slot = 0; slot < 64; slot += 1) {
        const direct = slot < model.END_MODEL_SLOT ? 0 : ((slot >> 1) - 1 - 4) * DIRECT_BIT;
        this.#slots[state * 64 + slot] = this.tree(model.SLOTS + state * 64, 6, slot) + direct;
      }
      for (let distance = 0; distance < 128; distance += 1) {
        const slot = slotOf(distance);
        const lowBits = (slot >> 1) - 1;
        const high = (2 | (slot & 1)) << lowBits;
        const low = slot < 4 ? 0 : this.#reverseTree(model.SPECIAL + high - slot, lowBits, distance - high);
        this.#near[state * 128 + distance] = (this.#slots[state * 64 + slot] as number) + low;
      }
    }
  }

  bit(index: number, bit: number): number {
    return priceOf(this.#probabilities, index, bit);
  }

  matchLength(length: number): number {
    return this.#matchLengths[length] as number;
  }

  repLength(length: number): number {
    return this.#repLengths[length] as number;
  }

  distance(distance: number, length: number): number {
    const state = Math.min(length - model.MINIMUM_MATCH, model.LENGTH_STATES - 1);
    if (distance < 128) return this.#near[state * 128 + distance] as number;
    return (this.#slots[state * 64 + slotOf(distance)] as number) + (this.#align[distance & 15] as number);
  }

  tree(base: number, count: number, value: number): number {
    const probabilities = this.#probabilities;
    let node = 1;
    let price = 0;
    for (let shift = count - 1; shift >= 0; shift -= 1) {
      const bit = (value >> shift) & 1;
      price += priceOf(probabilities, base + node, bit);
      node = node * 2 + bit;
    }
    return price;
  }

  literalAfterCopy(base: number, predicted: number, value: number): number {
    const probabilities = this.#probabilities;
    let node = 1;
    let price = 0;
    let shift = 7;
    for (; shift >= 0; shift -= 1) {
      const expected = (predicted >> shift) & 1;
      const bit = (value >> shift) & 1;
      price += priceOf(probabilities, base + 0x100 * (1 + expected) + node, bit);
      node = node * 2 + bit;
      if (bit !== expected) break;
    }
    for (shift -= 1; shift >= 0; shift -= 1) {
      const bit = (value >> shift) & 1;
      price += priceOf(probabilities, base + node, bit);
      node = node * 2 + bit;
    }
    return price;
  }

  #fillLengths(prices: Int32Array, base: number): void {
    const low = this.bit(base, 0);
    const middle = this.bit(base, 1) + this.bit(base + 1, 0);
    const high = this.bit(base, 1) + this.bit(base + 1, 1);
    for (let index = 0; index < 8; index += 1) {
      prices[2 + index] = low + this.tree(base + model.LENGTH_LOW, 3, index);
      prices[10 + index] = middle + this.tree(base + model.LENGTH_MIDDLE, 3, index);
    }
    for (let index = 0; index < 256; index += 1)
      prices[18 + index] = high + this.tree(base + model.LENGTH_HIGH, 8, index);
  }

  #reverseTree(base: number, count: number, value: number): number {
    const probabilities = this.#probabilities;
    let node = 1;
    let price = 0;
    for (let index = 0; index < count; index += 1) {
      const bit = (value >> index) & 1;
      price += priceOf(probabilities, base + node, bit);
      node = node * 2 + bit;
    }
    return price;
  }
}

function priceOf(probabilities: Uint16Array, index: number, bit: number): number {
  const probability = probabilities[index] as number;
  const mask = (1 << model.PROBABILITY_BITS) - 1;
  return PRICES[(bit === 0 ? probability : probability ^ mask) >> PRICE_SHIFT] as number;
}

/** Which power of two a distance lies in, and in which half of it. */
export function slotOf(distance: number): number {
  if (distance < 4) return distance;
  const top = 31 - Math.clz32(distance);
  return top * 2 + ((distance >>> (top - 1)) & 1);
}
