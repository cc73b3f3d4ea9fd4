import { FOLDER } from '../protocol/layout.ts';
import { MAX_PATH_BYTES } from '../protocol/limits.ts';
import { asFields, asList, asText, type Fields } from '../protocol/shape.ts';

/** More than a release can have. */
const MAX_ENTRIES = 1_000_000;
/** Tabs that stay open with the client of before may load its other scripts once more. */
const KEPT_SECONDS = 7 * 24 * 60 * 60;

export interface Retired {
  readonly sequence: number;
  /** Path → new content. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** Unix seconds. */
  readonly now: number;
}

/** The deploy list of a retired app: its own files as before, our three as they are now, and the rest may go. */
export function retiredDeployList(text: string, { sequence, files, now }: Retired): string | undefined {
  try {
    const list = asFields(JSON.parse(text), 'deploy list');
    const entries = asList(list.upload, 'upload', MAX_ENTRIES, (entry) => asFields(entry, 'file'));
    const isOurs = (entry: Fields): boolean => pathOf(entry).startsWith(`${FOLDER}/`);
    const isKept = (entry: Fields): boolean => !isOurs(entry) || files.has(pathOf(entry)) || isPointer(entry);
    const upload = entries.filter(isKept).map((entry) => {
      const content = files.get(pathOf(entry));
      return content === undefined ? entry : { ...entry, bytes: Buffer.byteLength(content) };
    });
    const kept = asList(list.keep, 'keep', MAX_ENTRIES, (entry) => asFields(entry, 'file'));
    const gone = [...entries, ...kept]
      .filter((entry) => !isKept(entry))
      .map((entry) => ({ path: pathOf(entry), after: now + KEPT_SECONDS }));
    const remove = Array.isArray(list.remove) ? [...(list.remove as unknown[]), ...gone] : gone;
    return `${JSON.stringify({ ...list, sequence, upload, keep: [], remove }, undefined, 2)}\n`;
  } catch {
    // Somebody's own file of that name, or a damaged one: whoever uploads by it must publish again.
    return undefined;
  }
}

function isPointer(entry: Fields): boolean {
  return pathOf(entry) === `${FOLDER}/pointer.bin`;
}

function pathOf(entry: Fields): string {
  return asText(entry.path, 'path', MAX_PATH_BYTES);
}
