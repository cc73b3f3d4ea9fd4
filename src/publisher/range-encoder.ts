import * as model from '../protocol/lzma-model.ts';

/** The counterpart of the decoder's binary decisions. */
export class RangeEncoder {
  readonly probabilities = model.newModel();
  #bytes = new Uint8Array(4096);
  #length = 0;
  /** Below 2^40: the carry is what is above 32 bits. */
  #low = 0;
  #range = 0xffffffff;
  #cache = 0;
  /** Bytes that a carry may still change: `#cache`, then so many of 255. The very first is always 0 and is not written. */
  #pending = 0;
  #isFirst = true;

  bit(index: number, bit: number): void {
    const probability = this.probabilities[index] as number;
    const bound = (this.#range >>> model.PROBABILITY_BITS) * probability;
    if (bit === 0) {
      this.#range = bound;
      this.probabilities[index] = probability + (((1 << model.PROBABILITY_BITS) - probability) >> model.MOVE_BITS);
    } else {
      this.#low += bound;
      this.#range -= bound;
      this.probabilities[index] = probability - (probability >> model.MOVE_BITS);
    }
    while (this.#range < model.TOP) {
      this.#range = (this.#range << 8) >>> 0;
      this.#shift();
    }
  }

  tree(base: number, count: number, value: number): void {
    let node = 1;
    for (let shift = count - 1; shift >= 0; shift -= 1) {
      const bit = (value >> shift) & 1;
      this.bit(base + node, bit);
      node = node * 2 + bit;
    }
  }

  reverseTree(base: number, count: number, value: number): void {
    let node = 1;
    for (let index = 0; index < count; index += 1) {
      const bit = (value >> index) & 1;
      this.bit(base + node, bit);
      node = node * 2 + bit;
    }
  }

  direct(count: number, value: number): void {
    for (let shift = count - 1; shift >= 0; shift -= 1) {
      this.#range >>>= 1;
      if (((value >>> shift) & 1) === 1) this.#low += this.#range;
      while (this.#range < model.TOP) {
        this.#range = (this.#range << 8) >>> 0;
        this.#shift();
      }
    }
  }

  /** The bytes, without the zeros at the end that a decoder supplies. */
  finish(): Uint8Array {
    // Any number in [low, low + range) will do: the one with most zeros at its end.
    for (let zeros = 32; zeros >= 0; zeros -= 8) {
      const unit = 2 ** zeros;
      const candidate = Math.ceil(this.#low / unit) * unit;
      if (candidate >= this.#low + this.#range) continue;
      this.#low = candidate;
      break;
    }
    for (let index = 0; index < 5; index += 1) this.#shift();
    let end = this.#length;
    while (end > 0 && this.#bytes[end - 1] === 0) end -= 1;
    return this.#bytes.slice(0, end);
  }

  #shift(): void {
    if (this.#low < 0xff000000 || this.#low >= 2 ** 32) {
      const carry = this.#low >= 2 ** 32 ? 1 : 0;
      if (this.#isFirst) this.#isFirst = false;
      else this.#write((this.#cache + carry) & 0xff);
      for (; this.#pending > 0; this.#pending -= 1) this.#write((0xff + carry) & 0xff);
      this.#cache = Math.floor(this.#low / 2 ** 24) & 0xff;
    } else this.#pending += 1;
    this.#low = (this.#low % 2 ** 24) * 256;
  }

  #write(byte: number): void {
    if (this.#length === this.#bytes.length) {
      const grown = new Uint8Array(this.#length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.#length] = byte;
    this.#length += 1;
  }
}
