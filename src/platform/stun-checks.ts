/** What a connection's statistics say of the connectivity checks on one path (RFC 7675; the W3C's webrtc-stats). */
export type CheckedPath = Pick<RTCIceCandidatePairStats, 'id' | 'totalRoundTripTime' | 'responsesReceived'>;

/** Round trips of STUN's connectivity checks, out of totals that only grow. */
export class StunChecks {
  /** Each path has totals of its own: what another one had says nothing, and would give negative times. */
  readonly #totals = new Map<string, { readonly seconds: number; readonly count: number }>();

  /** Milliseconds, the mean since the path was last asked about; `undefined` when no check was answered since. */
  roundTripMs({
    id: path,
    totalRoundTripTime: seconds = 0,
    responsesReceived: count = 0,
  }: CheckedPath): number | undefined {
    const before = this.#totals.get(path) ?? { seconds: 0, count: 0 };
    if (count <= before.count) return undefined;
    this.#totals.set(path, { seconds, count });
    return ((seconds - before.seconds) * 1000) / (count - before.count);
  }
}
