import type { HeaderSet } from '../protocol/manifest.ts';

/** Distinct sets of response headers, numbered in the order in which they are first asked for. */
export class HeaderSets {
  readonly #sets: HeaderSet[] = [];
  readonly #indexes = new Map<string, number>();

  indexOf(headers: HeaderSet): number {
    const key = JSON.stringify(headers);
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    const index = this.#sets.push(headers) - 1;
    this.#indexes.set(key, index);
    return index;
  }

  all(): readonly HeaderSet[] {
    return this.#sets;
  }
}
