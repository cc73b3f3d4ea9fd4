import { ProtocolError } from './errors.ts';
import * as model from './lzma-model.ts';

/** Bytes of output after which others may run: half a millisecond where every byte is a literal. */
const BYTES_PER_STEP = 8 * 1024;

/**
 * Decodes a patch into `window` from `start` to its end; what lies before `start` is its dictionary. In steps, so that a
 * page can do something else between two of them. Whatever the input is, it writes nowhere else and takes at most one step
 * for each `BYTES_PER_STEP`.
 *
 * @throws ProtocolError `bad-value`, `trailing-bytes`
 */
export function* decodeLzma(input: Uint8Array, window: Uint8Array, start: number): Generator<void, void> {
  const bits = new RangeDecoder(input);
  let state = 0;
  let [rep0, rep1, rep2, rep3] = [0, 0, 0, 0];
  let position = start;
  let pause = start + BYTES_PER_STEP;
  while (position < window.length) {
    if (position >= pause) {
      pause = position + BYTES_PER_STEP;
      yield;
    }
    if (bits.bit(model.IS_MATCH + state) === 0) {
      const literals = model.literalModel(position > 0 ? (window[position - 1] as number) : 0);
      window[position] = model.isLiteralState(state)
        ? bits.tree(literals, 8)
        : bits.literalAfterCopy(literals, window[position - rep0 - 1] as number);
      position += 1;
      state = model.afterLiteral(state);
      continue;
    }
    let length = 1;
    if (bits.bit(model.IS_REP + state) === 0) {
      [rep3, rep2, rep1] = [rep2, rep1, rep0];
      length = bits.length(model.MATCH_LENGTH);
      rep0 = bits.distance(length);
      state = model.afterMatch(state);
    } else if (bits.bit(model.IS_REP_G0 + state) === 0) {
      const isLong = bits.bit(model.IS_REP0_LONG + state) === 1;
      if (isLong) length = bits.length(model.REP_LENGTH);
      state = isLong ? model.afterRep(state) : model.afterShortRep(state);
    } else {
      const first = rep0;
      if (bits.bit(model.IS_REP_G1 + state) === 0) rep0 = rep1;
      else {
        if (bits.bit(model.IS_REP_G2 + state) === 0) rep0 = rep2;
        else [rep0, rep3] = [rep3, rep2];
        rep2 = rep1;
      }
      rep1 = first;
      length = bits.length(model.REP_LENGTH);
      state = model.afterRep(state);
    }
    if (rep0 >= position) throw new ProtocolError('bad-value', 'copies from before its dictionary');
    if (length > window.length - position) throw new ProtocolError('bad-value', 'longer than declared');
    position = copy(window, position, rep0 + 1, length);
  }
  if (!bits.isAtEnd) throw new ProtocolError('trailing-bytes', 'a patch goes on after its end');
}

/** Byte by byte: a copy may overlap what it writes. */
function copy(window: Uint8Array, position: number, distance: number, length: number): number {
  if (distance >= length) {
    window.copyWithin(position, position - distance, position - distance + length);
    return position + length;
  }
  const end = position + length;
  for (let index = position; index < end; index += 1) window[index] = window[index - distance] as number;
  return end;
}

/** Binary decisions out of bytes; where these end, zeros follow. */
class RangeDecoder {
  readonly #input: Uint8Array;
  readonly #probabilities = model.newModel();
  #offset = 0;
  #range = 0xffffffff;
  #code = 0;

  constructor(input: Uint8Array) {
    this.#input = input;
    for (let index = 0; index < 4; index += 1) this.#code = this.#code * 256 + this.#next();
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#input.length;
  }

  bit(index: number): 0 | 1 {
    const probability = this.#probabilities[index] as number;
    const bound = (this.#range >>> model.PROBABILITY_BITS) * probability;
    let bit: 0 | 1;
    if (this.#code < bound) {
      this.#range = bound;
      this.#probabilities[index] = probability + (((1 << model.PROBABILITY_BITS) - probability) >> model.MOVE_BITS);
      bit = 0;
    } else {
      this.#range -= bound;
      this.#code -= bound;
      this.#probabilities[index] = probability - (probability >> model.MOVE_BITS);
      bit = 1;
    }
    if (this.#range < model.TOP) this.#refill();
    return bit;
  }

  tree(base: number, count: number): number {
    let node = 1;
    for (let index = 0; index < count; index += 1) node = node * 2 + this.bit(base + node);
    return node - 2 ** count;
  }

  /** The byte that would have followed the copy helps, until the two differ. */
  literalAfterCopy(base: number, predicted: number): number {
    let node = 1;
    for (let shift = 7; shift >= 0; shift -= 1) {
      const expected = (predicted >> shift) & 1;
      const bit = this.bit(base + 0x100 * (1 + expected) + node);
      node = node * 2 + bit;
      if (bit === expected) continue;
      while (node < 0x100) node = node * 2 + this.bit(base + node);
      break;
    }
    return node - 0x100;
  }

  length(base: number): number {
    if (this.bit(base) === 0) return model.MINIMUM_MATCH + this.tree(base + model.LENGTH_LOW, 3);
    if (this.bit(base + 1) === 0) return model.MINIMUM_MATCH + 8 + this.tree(base + model.LENGTH_MIDDLE, 3);
    return model.MINIMUM_MATCH + 16 + this.tree(base + model.LENGTH_HIGH, 8);
  }

  /** Less one. */
  distance(length: number): number {
    const lengthState = Math.min(length - model.MINIMUM_MATCH, model.LENGTH_STATES - 1);
    const slot = this.tree(model.SLOTS + lengthState * 64, 6);
    if (slot < 4) return slot;
    const lowBits = (slot >> 1) - 1;
    const high = (2 + (slot & 1)) * 2 ** lowBits;
    if (slot < model.END_MODEL_SLOT) return high + this.#reverseTree(model.SPECIAL + high - slot, lowBits);
    return high + this.#direct(lowBits - 4) * 16 + this.#reverseTree(model.ALIGN, 4);
  }

  #reverseTree(base: number, count: number): number {
    let node = 1;
    let value = 0;
    for (let index = 0; index < count; index += 1) {
      const bit = this.bit(base + node);
      node = node * 2 + bit;
      value |= bit << index;
    }
    return value;
  }

  #direct(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index += 1) {
      this.#range >>>= 1;
      const bit = this.#code >= this.#range ? 1 : 0;
      if (bit === 1) this.#code -= this.#range;
      value = value * 2 + bit;
      if (this.#range < model.TOP) this.#refill();
    }
    return value;
  }

  #refill(): void {
    this.#range = (this.#range << 8) >>> 0;
    this.#code = this.#code * 256 + this.#next();
  }

  #next(): number {
    return this.#input[this.#offset++] ?? 0;
  }
}
