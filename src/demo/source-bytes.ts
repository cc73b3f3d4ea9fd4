/** Where bytes of the release came from, in the order in which the page shows them. */
export const SOURCES = ['peers', 'store', 'origin'] as const;
export type Source = (typeof SOURCES)[number];
export type SourceBytes = Readonly<Record<Source, number>>;

/** Each source's part of the whole, in 0..1; all zero while there are no bytes. */
export function sharesOf(bytes: SourceBytes): SourceBytes {
  const total = bytes.peers + bytes.store + bytes.origin;
  const share = (part: number): number => (total === 0 ? 0 : part / total);
  return { peers: share(bytes.peers), store: share(bytes.store), origin: share(bytes.origin) };
}

/** Offload as DESIGN.md defines it: the store counts in neither part. `undefined` while nothing moved. */
export function offloadOf(bytes: SourceBytes): number | undefined {
  const moved = bytes.origin + bytes.peers;
  return moved === 0 ? undefined : 1 - bytes.origin / moved;
}

/** A percentage that never claims 100 or 0 for something that is not exactly that. */
export function formatShare(share: number): string {
  const percent = Math.round(share * 100);
  if (percent === 100 && share < 1) return '99 %';
  if (percent === 0 && share > 0) return '1 %';
  return `${percent} %`;
}
