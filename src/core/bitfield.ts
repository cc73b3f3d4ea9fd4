import { ProtocolError } from '../protocol/errors.ts';

/** A fixed number of bits; bit 0 of a byte is its lowest-numbered item, as on the wire. */
export class Bitfield {
  readonly length: number;
  readonly #bytes: Uint8Array;
  #count = 0;

  constructor(length: number) {
    this.length = length;
    this.#bytes = new Uint8Array(Math.ceil(length / 8));
  }

  /** @throws ProtocolError `bad-value` when the byte count does not fit `length` or a spare bit is set. */
  static fromBytes(bytes: Uint8Array, length: number): Bitfield {
    const field = new Bitfield(length);
    if (bytes.length !== field.#bytes.length) throw new ProtocolError('bad-value', 'bitfield of the wrong length');
    for (let index = 0; index < bytes.length * 8; index += 1) {
      if (((bytes[index >> 3] as number) & (1 << (index & 7))) === 0) continue;
      if (index >= length) throw new ProtocolError('bad-value', 'bitfield has a spare bit set');
      field.set(index);
    }
    return field;
  }

  /** How many bits are set. */
  get count(): number {
    return this.#count;
  }

  has(index: number): boolean {
    return index < this.length && ((this.#bytes[index >> 3] as number) & (1 << (index & 7))) !== 0;
  }

  /** False when it was set already. */
  set(index: number): boolean {
    if (index >= this.length || this.has(index)) return false;
    this.#bytes[index >> 3] = (this.#bytes[index >> 3] as number) | (1 << (index & 7));
    this.#count += 1;
    return true;
  }

  clear(index: number): void {
    if (!this.has(index)) return;
    this.#bytes[index >> 3] = (this.#bytes[index >> 3] as number) & ~(1 << (index & 7));
    this.#count -= 1;
  }

  toBytes(): Uint8Array {
    return this.#bytes.slice();
  }
}
