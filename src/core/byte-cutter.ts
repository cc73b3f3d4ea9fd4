import { OriginError } from './errors.ts';
import type { ByteSource } from './ports.ts';

/** Cuts a stream of bytes into lengths that the reader names, reading no further than the piece that completes one. */
export class ByteCutter {
  readonly #source: ByteSource;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** The next `length` bytes, in a buffer of their own. @throws OriginError `origin-length` when there are fewer. */
  async take(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (this.#rest.length === 0) {
        const piece = await this.#source.next();
        if (piece === undefined) throw new OriginError('origin-length', 'the body ended early');
        this.#rest = piece;
      }
      const part = this.#rest.subarray(0, length - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return bytes;
  }

  /** Whether nothing follows; reads one more piece to know it. */
  async isAtEnd(): Promise<boolean> {
    return this.#rest.length === 0 && (await this.#source.next()) === undefined;
  }

  cancel(): void {
    this.#source.cancel();
  }
}
