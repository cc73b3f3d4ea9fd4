/** Two buildings of one site are nearer than that, with somebody's queue between them at least once in twelve times. */
const FAR_MS = 50;
/** Half a minute of Chromium's measurements: on a machine that is full, three in a row were above 100 ms. */
const FAR_COUNT = 12;
/** So much of a measurement makes the base follow a path that has become a longer one. */
const BASE_SHARE = 1 / 256;

/** The round trips of one path, as its transport measures them. */
export class RoundTrips {
  #count = 0;
  #shortestMs = Number.POSITIVE_INFINITY;
  /** Without a queue, as far as can be told. */
  #baseMs = Number.POSITIVE_INFINITY;

  /** Infinite before the first. */
  get shortestMs(): number {
    return this.#shortestMs;
  }

  /** Somewhere else, behind the same exit of a network that spans cities: no round trip is ever short. */
  get isFar(): boolean {
    return this.#count >= FAR_COUNT && this.#shortestMs > FAR_MS;
  }

  /** By how much this one is longer than the shortest of late. */
  add(roundTripMs: number): number {
    this.#count += 1;
    this.#shortestMs = Math.min(roundTripMs, this.#shortestMs);
    const baseMs = Math.min(roundTripMs, this.#baseMs);
    this.#baseMs = baseMs + (roundTripMs - baseMs) * BASE_SHARE;
    return roundTripMs - baseMs;
  }
}
