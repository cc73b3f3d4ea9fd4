/** Watches the bytes of a file go by and knows at the end whether they are UTF-8. */
export class Utf8Check {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #valid = true;

  async *watch(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      this.#feed(piece, true);
      yield piece;
    }
    this.#feed(new Uint8Array(), false);
  }

  /** Final once `watch` has ended. */
  get isValid(): boolean {
    return this.#valid;
  }

  #feed(piece: Uint8Array, stream: boolean): void {
    if (!this.#valid) return;
    try {
      this.#decoder.decode(piece, { stream });
    } catch {
      // That it cannot be decoded is the answer.
      this.#valid = false;
    }
  }
}
