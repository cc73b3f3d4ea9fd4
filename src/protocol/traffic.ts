import { asCount, asFields } from './shape.ts';

const PLAIN_KINDS = ['store', 'peers', 'origin', 'uploaded', 'wasted'] as const;
const WIRE_KINDS = ['peers', 'origin', 'uploaded', 'wasted'] as const;

/**
 * Bytes of release content by source. `plain` counts decoded bytes, `wire` counts them as sent (encoded chunks, without
 * frame and HTTP headers). Bytes found in the store were not moved: they have no `wire`.
 */
export interface Traffic {
  readonly plain: Record<(typeof PLAIN_KINDS)[number], number>;
  readonly wire: Record<(typeof WIRE_KINDS)[number], number>;
}

export function noTraffic(): Traffic {
  return { plain: counts(PLAIN_KINDS, () => 0), wire: counts(WIRE_KINDS, () => 0) };
}

export function addTraffic(total: Traffic, more: Traffic): void {
  for (const kind of PLAIN_KINDS) total.plain[kind] += more.plain[kind];
  for (const kind of WIRE_KINDS) total.wire[kind] += more.wire[kind];
}

/** @throws ProtocolError */
export function decodeTraffic(value: unknown): Traffic {
  const fields = asFields(value, 'traffic');
  const plain = asFields(fields.plain, 'plain');
  const wire = asFields(fields.wire, 'wire');
  return {
    plain: counts(PLAIN_KINDS, (kind) => asCount(plain[kind], kind)),
    wire: counts(WIRE_KINDS, (kind) => asCount(wire[kind], kind)),
  };
}

function counts<Kind extends string>(kinds: readonly Kind[], count: (kind: Kind) => number): Record<Kind, number> {
  return Object.fromEntries(kinds.map((kind) => [kind, count(kind)])) as Record<Kind, number>;
}
