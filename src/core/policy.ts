/** Numbers that a deployment or a test may choose; the defaults are for a browser tab. */
export interface SwarmPolicy {
  /** Connections that it keeps; asks for partners until it has them. */
  readonly wantedPeers: number;
  /** Connections that it accepts. */
  readonly maximumPeers: number;
  /** RTCPeerConnection constructions per hour: Chromium allows 500 per page until garbage collection. */
  readonly dialsPerHour: number;
  /** How long a bulk chunk that no connected peer has waits for one before the origin is asked. */
  readonly bulkOriginDelayMs: number;
  /** How long an urgent chunk may be late from a peer before the origin is asked as well. */
  readonly urgentHedgeMs: number;
  /** Parallel Range requests. */
  readonly originSpans: number;
}

export const TAB_POLICY: SwarmPolicy = {
  wantedPeers: 6,
  maximumPeers: 20,
  dialsPerHour: 100,
  bulkOriginDelayMs: 1500,
  urgentHedgeMs: 150,
  originSpans: 6,
};

/** A headless peer has no page to slow down. */
export const NODE_POLICY: SwarmPolicy = { ...TAB_POLICY, wantedPeers: 8, maximumPeers: 60, dialsPerHour: 1000 };
