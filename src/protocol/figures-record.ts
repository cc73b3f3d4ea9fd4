/** Key of the record with the worker's figures: traffic, and when each file was last used. */
export const FIGURES_RECORD = 'traffic';

/** Unix milliseconds by path. */
export type FileUses = ReadonlyMap<string, number>;

export interface FiguresRecord {
  readonly used: FileUses;
}

/** How long a file that no update waits for stays without being used: a month, in which most of an app's features are. */
export const MAX_UNUSED_MS = 30 * 24 * 60 * 60 * 1000;

/** `undefined` before a worker of this version has kept any. @param record untrusted, like everything from a disk */
export function decodeUses(record: unknown): FileUses | undefined {
  const { used } = Object(record) as { readonly used?: unknown };
  return used instanceof Map ? (used as FileUses) : undefined;
}
