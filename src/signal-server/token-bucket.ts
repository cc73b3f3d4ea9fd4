/**
 * Allows `capacity` at once and `perSecond` in the long run. Two numbers per connection and a clock that is given in:
 * libraries for this keep a timer and a record per key, which at 15,000 connections is most of the memory.
 */
export class TokenBucket {
  readonly #capacity: number;
  readonly #perMillisecond: number;
  #tokens: number;
  #filledAt: number;

  /** @param now Milliseconds, on the same clock as the `now` of `take`. */
  constructor(capacity: number, perSecond: number, now: number) {
    this.#capacity = capacity;
    this.#perMillisecond = perSecond / 1000;
    this.#tokens = capacity;
    this.#filledAt = now;
  }

  /** @returns false when there is none left. */
  take(now: number): boolean {
    const earned = (now - this.#filledAt) * this.#perMillisecond;
    this.#tokens = Math.min(this.#capacity, this.#tokens + Math.max(0, earned));
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
