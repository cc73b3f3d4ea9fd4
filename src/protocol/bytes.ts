import { ProtocolError } from './errors.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

/**
 * Bounds-checked reader over untrusted bytes. Integers are big-endian; `varint` is unsigned LEB128 of at most 53 bits,
 * in its shortest form, so that each value has exactly one encoding.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#take(1)[0] as number;
  }

  u32(): number {
    const bytes = this.#take(4);
    return (
      (bytes[0] as number) * 0x1000000 +
      (((bytes[1] as number) << 16) | ((bytes[2] as number) << 8) | (bytes[3] as number))
    );
  }

  /** @throws ProtocolError `bad-value` above 2^53 − 1 or when not in shortest form, `too-large` above `max`. */
  varint(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new ProtocolError('bad-value', 'number above 2^53 - 1');
      if (byte < 0x80) {
        if (byte === 0 && scale > 1) throw new ProtocolError('bad-value', 'number not in its shortest form');
        break;
      }
      scale *= 128;
      if (scale > Number.MAX_SAFE_INTEGER) throw new ProtocolError('bad-value', 'number above 2^53 - 1');
    }
    if (value > max) throw new ProtocolError('too-large', `${value} exceeds the maximum of ${max}`);
    return value;
  }

  /** A view into the input, not a copy. */
  bytes(length: number): Uint8Array {
    return this.#take(length);
  }

  /** A varint length, then that many bytes of UTF-8. @throws ProtocolError `bad-text` when it is not valid UTF-8. */
  text(maxBytes: number): string {
    return decodeUtf8(this.#take(this.varint(maxBytes)));
  }

  /** Call last: @throws ProtocolError `trailing-bytes` when anything is left. */
  end(): void {
    if (this.remaining > 0) throw new ProtocolError('trailing-bytes', `${this.remaining} bytes too many`);
  }

  #take(length: number): Uint8Array {
    if (length > this.remaining) {
      throw new ProtocolError('truncated', `${length} bytes expected, ${this.remaining} left`);
    }
    const start = this.#offset;
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }
}

/** Growable writer, the counterpart of ByteReader. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  u8(value: number): this {
    this.#room(1)[0] = value;
    return this;
  }

  u32(value: number): this {
    const room = this.#room(4);
    room[0] = value >>> 24;
    room[1] = value >>> 16;
    room[2] = value >>> 8;
    room[3] = value;
    return this;
  }

  /** @throws RangeError unless it is a whole number from 0 to 2^53 − 1: the caller's mistake, never the peer's. */
  varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not a varint`);
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    return this.u8(rest);
  }

  bytes(value: Uint8Array): this {
    this.#room(value.length).set(value);
    return this;
  }

  text(value: string): this {
    const encoded = encodeUtf8(value);
    return this.varint(encoded.length).bytes(encoded);
  }

  /** Starts anew in the same memory: what `finish` gave before is overwritten. */
  clear(): this {
    this.#length = 0;
    return this;
  }

  /** The bytes written so far, as a view. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(length: number): Uint8Array {
    const end = this.#length + length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    const room = this.#bytes.subarray(this.#length, end);
    this.#length = end;
    return room;
  }
}
