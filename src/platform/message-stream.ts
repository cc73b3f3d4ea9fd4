type Listener = (...event: never[]) => void;

/**
 * What simple-peer needs of a Duplex stream, in place of `readable-stream` in browsers (`lean-simple-peer.ts`): events, and
 * messages that wait for their first listener. Tabseed sends with `send` and has flow control of its own, so the rest of a
 * stream (18 KB, gzip, and a queue in the way of each message) would only be carried along.
 */
export class Duplex {
  // simple-peer ends what is not ended, in words of its own; here nothing ever has to be.
  readonly _readableState = { ended: true };
  readonly _writableState = { finished: true };
  readonly #listeners = new Map<string, Listener[]>();
  /** Messages that came before anybody listened. */
  #early: unknown[] = [];

  on(name: string, listener: Listener): this {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
    if (name === 'data') for (const message of this.#early.splice(0)) this.emit('data', message);
    return this;
  }

  once(name: string, listener: Listener): this {
    const once = (...event: never[]): void => {
      this.removeListener(name, once);
      listener(...event);
    };
    return this.on(name, once);
  }

  removeListener(name: string, listener: Listener): this {
    const left = this.#listeners.get(name)?.filter((one) => one !== listener) ?? [];
    this.#listeners.set(name, left);
    return this;
  }

  removeAllListeners(name: string): this {
    this.#listeners.delete(name);
    return this;
  }

  emit(name: string, ...event: unknown[]): boolean {
    const listeners = this.#listeners.get(name) ?? [];
    // As Node's EventEmitter does: an error that nobody expects must not vanish.
    if (name === 'error' && listeners.length === 0) throw event[0];
    for (const listener of listeners) listener(...(event as never[]));
    return listeners.length > 0;
  }

  push(message: unknown): boolean {
    if (!this.emit('data', message)) this.#early.push(message);
    return true;
  }
}
