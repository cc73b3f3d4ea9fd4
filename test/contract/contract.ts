/**
 * Contract suites are data: the same cases run in Node under Vitest and, bundled, inside a real browser, where Vitest's
 * own assertions do not exist.
 */
export interface ContractCase<Subject> {
  /** A sentence about every implementation. */
  readonly name: string;
  readonly run: (subject: Subject) => Promise<void>;
}

export function equal(actual: unknown, expected: unknown, what = 'value'): void {
  const [left, right] = [show(actual), show(expected)];
  if (left !== right) throw new Error(`${what}: ${left} instead of ${right}`);
}

export function ok(condition: boolean, what: string): void {
  if (!condition) throw new Error(`not true: ${what}`);
}

/** The promise must reject, with this `code` where one is given. */
export async function rejects(promise: Promise<unknown>, code?: string): Promise<void> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('it did not reject with an error');
  if (code !== undefined) equal((error as { code?: unknown }).code, code, `code of ${error.message}`);
}

function show(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (item instanceof Uint8Array) return item.length > 64 ? { bytes: item.length, sum: sum(item) } : [...item];
    return item === undefined ? 'undefined' : item;
  });
}

/** Position counts: two orders of the same bytes differ. */
function sum(bytes: Uint8Array): number {
  return bytes.reduce((total, byte, index) => (total * 31 + byte + index) % 0x7fffffff, 7);
}

/** A promise with its resolve function: what a test waits for. */
export class Signal<T = void> {
  readonly promise: Promise<T>;
  resolve: (value: T) => void = () => undefined;

  constructor() {
    this.promise = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }
}

/** Bytes that differ from place to place and from seed to seed. */
export function patterned(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}
