import * as model from '../protocol/lzma-model.ts';
import { LzmaPrices, slotOf } from './lzma-prices.ts';
import { MatchFinder } from './match-finder.ts';
import { RangeEncoder } from './range-encoder.ts';

/** Positions over which the cheapest way is sought. */
const HORIZON = 1024;
/** A match of this length is taken without looking further. */
const NICE_LENGTH = 128;
/** Symbols after which prices are computed anew from the model. */
const SYMBOLS_PER_REFRESH = 256;
const INFINITE = 0x7fffffff;
const LITERAL = -1;
/** Codes from here on are distances, less one; 0 to 3 are the last four distances. */
const FIRST_DISTANCE = 4;

/** LZMA of `window` from `start` on, with what lies before it as dictionary. The same input gives the same bytes. */
export function encodeLzma(window: Uint8Array, start: number): Uint8Array {
  return new LzmaEncoder(window, start).run();
}

class LzmaEncoder {
  readonly #window: Uint8Array;
  readonly #finder: MatchFinder;
  readonly #encoder = new RangeEncoder();
  readonly #prices = new LzmaPrices(this.#encoder.probabilities);
  #position: number;
  #state = 0;
  readonly #reps = new Int32Array(4);
  #symbols = 0;

  #reached = 0;
  // The way to each position behind `#position`: what it costs, and its last step.
  readonly #cost = new Int32Array(HORIZON + model.MAXIMUM_MATCH + 1);
  readonly #length = new Int32Array(HORIZON + model.MAXIMUM_MATCH + 1);
  readonly #code = new Int32Array(HORIZON + model.MAXIMUM_MATCH + 1);
  readonly #states = new Uint8Array(HORIZON + model.MAXIMUM_MATCH + 1);
  readonly #distances = new Int32Array((HORIZON + model.MAXIMUM_MATCH + 1) * 4);

  constructor(window: Uint8Array, start: number) {
    this.#window = window;
    this.#finder = new MatchFinder(window);
    this.#finder.skip(0, start);
    this.#position = start;
  }

  run(): Uint8Array {
    while (this.#position < this.#window.length) this.#encodeNext();
    return this.#encoder.finish();
  }

  /** Finds the cheapest way over the next positions and writes it. */
  #encodeNext(): void {
    const rep = this.#repLength(this.#position, this.#reps[0] as number);
    if (rep >= NICE_LENGTH) {
      this.#finder.skip(this.#position, this.#position + rep);
      this.#write(rep, 0);
      return;
    }
    let index = 0;
    this.#reached = 0;
    this.#cost[0] = 0;
    this.#states[0] = this.#state;
    this.#distances.set(this.#reps, 0);
    let final = this.#leave(0);
    while (final === undefined) {
      index += 1;
      this.#arrive(index);
      if (index === this.#reached || index >= HORIZON) break;
      final = this.#leave(index);
    }
    const steps: number[] = [];
    for (let at = index; at > 0; at -= this.#length[at] as number) steps.push(at);
    for (const at of steps.reverse()) this.#write(this.#length[at] as number, this.#code[at] as number);
    if (final === undefined) return;
    this.#finder.skip(this.#position + 1, this.#position + final.length);
    this.#write(final.length, final.code);
  }

  /** State and last distances at the end of the cheapest way to `index`. */
  #arrive(index: number): void {
    const length = this.#length[index] as number;
    const code = this.#code[index] as number;
    const from = index - length;
    const state = this.#states[from] as number;
    this.#states[index] = stateAfter(state, code, length);
    moveToFront(this.#distances, from * 4, index * 4, code);
  }

  #note(to: number, length: number, code: number, cost: number): void {
    while (this.#reached < to) {
      this.#reached += 1;
      this.#cost[this.#reached] = INFINITE;
    }
    if (cost >= (this.#cost[to] as number)) return;
    this.#cost[to] = cost;
    this.#length[to] = length;
    this.#code[to] = code;
  }

  /** Notes every step from `index`, or returns the one to take without looking further. */
  #leave(index: number): { length: number; code: number } | undefined {
    const window = this.#window;
    const prices = this.#prices;
    const position = this.#position + index;
    const state = this.#states[index] as number;
    const cost = this.#cost[index] as number;
    const rep0 = this.#distances[index * 4] as number;
    const byte = window[position] as number;
    const predicted = position > rep0 ? (window[position - rep0 - 1] as number) : -1;
    const literals = model.literalModel(position > 0 ? (window[position - 1] as number) : 0);
    const literal = model.isLiteralState(state)
      ? prices.tree(literals, 8, byte)
      : prices.literalAfterCopy(literals, predicted, byte);
    this.#note(index + 1, 1, LITERAL, cost + prices.bit(model.IS_MATCH + state, 0) + literal);

    const copied = cost + prices.bit(model.IS_MATCH + state, 1);
    const repeated = copied + prices.bit(model.IS_REP + state, 1);
    if (predicted === byte) {
      const price = prices.bit(model.IS_REP_G0 + state, 0) + prices.bit(model.IS_REP0_LONG + state, 0);
      this.#note(index + 1, 1, 0, repeated + price);
    }
    let longestRep = 1;
    for (let rep = 0; rep < 4; rep += 1) {
      const length = this.#repLength(position, this.#distances[index * 4 + rep] as number);
      if (length < model.MINIMUM_MATCH) continue;
      if (length >= NICE_LENGTH) {
        this.#finder.skip(position, position + 1);
        return { length, code: rep };
      }
      longestRep = Math.max(longestRep, length);
      const price = repeated + this.#repChoice(rep, state);
      for (let shorter = length; shorter >= model.MINIMUM_MATCH; shorter -= 1) {
        this.#note(index + shorter, shorter, rep, price + prices.repLength(shorter));
      }
    }
    const count = this.#finder.find(position);
    const { lengths, distances } = this.#finder;
    if (count > 0 && (lengths[count - 1] as number) >= NICE_LENGTH) {
      return { length: lengths[count - 1] as number, code: FIRST_DISTANCE + (distances[count - 1] as number) };
    }
    const matched = copied + prices.bit(model.IS_REP + state, 0);
    let length = model.MINIMUM_MATCH;
    for (let match = 0; match < count; match += 1) {
      const distance = distances[match] as number;
      for (; length <= (lengths[match] as number); length += 1) {
        const price = matched + prices.matchLength(length) + prices.distance(distance, length);
        this.#note(index + length, length, FIRST_DISTANCE + distance, price);
      }
    }
    return undefined;
  }

  #repChoice(rep: number, state: number): number {
    const prices = this.#prices;
    if (rep === 0) return prices.bit(model.IS_REP_G0 + state, 0) + prices.bit(model.IS_REP0_LONG + state, 1);
    const price = prices.bit(model.IS_REP_G0 + state, 1);
    if (rep === 1) return price + prices.bit(model.IS_REP_G1 + state, 0);
    return price + prices.bit(model.IS_REP_G1 + state, 1) + prices.bit(model.IS_REP_G2 + state, rep - 2);
  }

  #repLength(position: number, rep: number): number {
    const window = this.#window;
    const candidate = position - rep - 1;
    if (candidate < 0) return 0;
    const limit = Math.min(model.MAXIMUM_MATCH, window.length - position);
    let length = 0;
    while (length < limit && window[candidate + length] === window[position + length]) length += 1;
    return length;
  }

  #write(length: number, code: number): void {
    const encoder = this.#encoder;
    const state = this.#state;
    if (code === LITERAL) {
      encoder.bit(model.IS_MATCH + state, 0);
      this.#writeLiteral(state);
    } else if (code < FIRST_DISTANCE) {
      encoder.bit(model.IS_MATCH + state, 1);
      encoder.bit(model.IS_REP + state, 1);
      if (code === 0) {
        encoder.bit(model.IS_REP_G0 + state, 0);
        encoder.bit(model.IS_REP0_LONG + state, length === 1 ? 0 : 1);
      } else {
        encoder.bit(model.IS_REP_G0 + state, 1);
        encoder.bit(model.IS_REP_G1 + state, code === 1 ? 0 : 1);
        if (code > 1) encoder.bit(model.IS_REP_G2 + state, code - 2);
      }
      if (length > 1) this.#writeLength(model.REP_LENGTH, length);
    } else {
      encoder.bit(model.IS_MATCH + state, 1);
      encoder.bit(model.IS_REP + state, 0);
      this.#writeLength(model.MATCH_LENGTH, length);
      this.#writeDistance(code - FIRST_DISTANCE, length);
    }
    this.#state = stateAfter(state, code, length);
    moveToFront(this.#reps, 0, 0, code);
    this.#position += length;
    this.#symbols += 1;
    if (this.#symbols % SYMBOLS_PER_REFRESH === 0) this.#prices.refresh();
  }

  #writeLiteral(state: number): void {
    const position = this.#position;
    const byte = this.#window[position] as number;
    const base = model.literalModel(position > 0 ? (this.#window[position - 1] as number) : 0);
    if (model.isLiteralState(state)) {
      this.#encoder.tree(base, 8, byte);
      return;
    }
    const predicted = this.#window[position - (this.#reps[0] as number) - 1] as number;
    let node = 1;
    let agrees = true;
    for (let shift = 7; shift >= 0; shift -= 1) {
      const bit = (byte >> shift) & 1;
      const expected = (predicted >> shift) & 1;
      this.#encoder.bit(base + (agrees ? 0x100 * (1 + expected) : 0) + node, bit);
      node = node * 2 + bit;
      agrees &&= bit === expected;
    }
  }

  #writeLength(base: number, length: number): void {
    const value = length - model.MINIMUM_MATCH;
    this.#encoder.bit(base, value < 8 ? 0 : 1);
    if (value >= 8) this.#encoder.bit(base + 1, value < 16 ? 0 : 1);
    if (value < 8) this.#encoder.tree(base + model.LENGTH_LOW, 3, value);
    else if (value < 16) this.#encoder.tree(base + model.LENGTH_MIDDLE, 3, value - 8);
    else this.#encoder.tree(base + model.LENGTH_HIGH, 8, value - 16);
  }

  #writeDistance(distance: number, length: number): void {
    const slot = slotOf(distance);
    const lengthState = Math.min(length - model.MINIMUM_MATCH, model.LENGTH_STATES - 1);
    this.#encoder.tree(model.SLOTS + lengthState * 64, 6, slot);
    if (slot < 4) return;
    const lowBits = (slot >> 1) - 1;
    const high = (2 + (slot & 1)) * 2 ** lowBits;
    if (slot < model.END_MODEL_SLOT) {
      this.#encoder.reverseTree(model.SPECIAL + high - slot, lowBits, distance - high);
      return;
    }
    this.#encoder.direct(lowBits - 4, (distance - high) >>> 4);
    this.#encoder.reverseTree(model.ALIGN, 4, distance & 15);
  }
}

function stateAfter(state: number, code: number, length: number): number {
  if (code === LITERAL) return model.afterLiteral(state);
  if (code >= FIRST_DISTANCE) return model.afterMatch(state);
  return length === 1 ? model.afterShortRep(state) : model.afterRep(state);
}

/** The last four distances after a step, newest first. */
function moveToFront(distances: Int32Array, from: number, to: number, code: number): void {
  const a = distances[from] as number;
  const b = distances[from + 1] as number;
  const c = distances[from + 2] as number;
  const d = distances[from + 3] as number;
  const isLater = code > 0;
  distances[to] = code <= 0 ? a : code === 1 ? b : code === 2 ? c : code === 3 ? d : code - FIRST_DISTANCE;
  distances[to + 1] = isLater ? a : b;
  distances[to + 2] = code > 1 ? b : c;
  distances[to + 3] = code > 2 ? c : d;
}
