import type { Locks } from '../../../src/client/leader-election.ts';

interface Request {
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** The locks of one browser, after the W3C specification: exclusive ones, with `signal` and `steal`. */
export class FakeLocks {
  readonly #queue: Request[] = [];
  #holder: Request | undefined;

  get waiting(): number {
    return this.#queue.length;
  }

  /** What one tab sees as `navigator.locks`. */
  get manager(): Locks {
    const request = (_name: string, options: LockOptions, run: () => unknown): Promise<unknown> =>
      this.#request(options, run);
    return { request } as unknown as Locks;
  }

  #request({ signal, steal }: LockOptions, run: () => unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const request: Request = { run, resolve, reject };
      signal?.addEventListener('abort', () => {
        const index = this.#queue.indexOf(request);
        if (index >= 0) this.#queue.splice(index, 1);
        if (this.#holder !== request) reject(signal.reason as Error);
      });
      if (steal) {
        this.#holder?.reject(new DOMException('stolen', 'AbortError'));
        this.#holder = undefined;
        this.#queue.unshift(request);
      } else this.#queue.push(request);
      queueMicrotask(() => this.#grant());
    });
  }

  #grant(): void {
    if (this.#holder) return;
    const request = this.#queue.shift();
    if (!request) return;
    this.#holder = request;
    Promise.resolve(request.run()).then((value) => {
      if (this.#holder !== request) return;
      this.#holder = undefined;
      request.resolve(value);
      this.#grant();
    }, request.reject);
  }
}
