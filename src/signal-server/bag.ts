/** A set from which a random sample costs as much as the sample is large. */
export class Bag<Item> {
  readonly #items: Item[] = [];
  readonly #places = new Map<Item, number>();

  get size(): number {
    return this.#items.length;
  }

  add(item: Item): void {
    if (this.#places.has(item)) return;
    this.#places.set(item, this.#items.length);
    this.#items.push(item);
  }

  remove(item: Item): void {
    const place = this.#places.get(item);
    if (place === undefined) return;
    this.#swap(place, this.#items.length - 1);
    this.#items.pop();
    this.#places.delete(item);
  }

  /** Up to `count` distinct items: the first steps of a Fisher–Yates shuffle, in place. @param random Uniform in [0, 1) */
  sample(count: number, random: () => number): Item[] {
    const total = this.#items.length;
    const size = Math.min(count, total);
    for (let index = 0; index < size; index += 1) this.#swap(index, index + Math.floor(random() * (total - index)));
    return this.#items.slice(0, size);
  }

  #swap(one: number, two: number): void {
    const first = this.#items[one];
    const second = this.#items[two];
    if (first === undefined || second === undefined) return;
    this.#items[one] = second;
    this.#items[two] = first;
    this.#places.set(first, two).set(second, one);
  }
}
