import { asCount, asFields } from './shape.ts';

/**
 * Bytes of release content by source. `plain` counts decoded bytes, `wire` counts them as sent (encoded chunks, without
 * frame and HTTP headers). Bytes found in the store were not moved: they have no `wire`.
 */
export interface Traffic {
  readonly plain: { store: number; peers: number; origin: number; uploaded: number; wasted: number };
  readonly wire: { peers: number; origin: number; uploaded: number; wasted: number };
}

export function noTraffic(): Traffic {
  return {
    plain: { store: 0, peers: 0, origin: 0, uploaded: 0, wasted: 0 },
    wire: { peers: 0, origin: 0, uploaded: 0, wasted: 0 },
  };
}

export function addTraffic(total: Traffic, more: Traffic): void {
  total.plain.store += more.plain.store;
  total.plain.peers += more.plain.peers;
  total.plain.origin += more.plain.origin;
  total.plain.uploaded += more.plain.uploaded;
  total.plain.wasted += more.plain.wasted;
  total.wire.peers += more.wire.peers;
  total.wire.origin += more.wire.origin;
  total.wire.uploaded += more.wire.uploaded;
  total.wire.wasted += more.wire.wasted;
}

/** @throws ProtocolError */
export function decodeTraffic(value: unknown): Traffic {
  const { plain, wire } = asFields(value, 'traffic');
  const plainFields = asFields(plain, 'plain');
  const wireFields = asFields(wire, 'wire');
  return {
    plain: {
      store: asCount(plainFields.store, 'store'),
      peers: asCount(plainFields.peers, 'peers'),
      origin: asCount(plainFields.origin, 'origin'),
      uploaded: asCount(plainFields.uploaded, 'uploaded'),
      wasted: asCount(plainFields.wasted, 'wasted'),
    },
    wire: {
      peers: asCount(wireFields.peers, 'peers'),
      origin: asCount(wireFields.origin, 'origin'),
      uploaded: asCount(wireFields.uploaded, 'uploaded'),
      wasted: asCount(wireFields.wasted, 'wasted'),
    },
  };
}
