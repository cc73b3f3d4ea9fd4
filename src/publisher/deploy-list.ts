import { MAX_HEADER_VALUE_BYTES, MAX_MEDIA_TYPE_BYTES, MAX_PATH_BYTES } from '../protocol/limits.ts';
import type { ReleasePath } from '../protocol/release-path.ts';
import { asCount, asFields, asList, asText } from '../protocol/shape.ts';

/** File in OUT that tells a deploy script what to upload, in which order; itself not meant for the origin. */
export const DEPLOY_LIST = 'deploy.json';

/** More than a release can have; a list from OUT is ours, but may be damaged. */
const MAX_ENTRIES = 1_000_000;

export interface DeployFile {
  readonly path: string;
  /**
   * Files of one step may go up at once; a step begins when the one before it is complete. 1: what others name, 2: pages,
   * 3: the worker script, 4: the pointer.
   */
  readonly step: 1 | 2 | 3 | 4;
  readonly bytes: number;
  readonly contentType: string;
  readonly cacheControl: string;
}

export interface DeployList {
  readonly format: 1;
  readonly sequence: number;
  /** Files of OUT in the order of upload: whatever a file names is there before it. */
  readonly upload: readonly DeployFile[];
  /** Packs that this release needs and OUT does not have: they are on the host, and must stay there. */
  readonly keep: readonly { readonly path: string; readonly bytes: number }[];
  /** What earlier releases had and this one has not, for tabs that still run them. */
  readonly remove: readonly Removal[];
}

export interface Removal {
  readonly path: string;
  /** Unix seconds; before that, nothing of it may be deleted from the host. */
  readonly after: number;
}

/** Text of the file. The same list always gives the same text. */
export function encodeDeployList(list: DeployList): string {
  return `${JSON.stringify(list, undefined, 2)}\n`;
}

/** What a list of an earlier publish named. */
export interface EarlierList {
  readonly upload: readonly DeployFile[];
  readonly remove: readonly Removal[];
}

/** `undefined` for a file that is no such list: whoever deletes less than possible does no harm. */
export function decodeDeployList(bytes: Uint8Array): EarlierList | undefined {
  try {
    const list = asFields(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)), DEPLOY_LIST);
    return {
      upload: asList(list.upload, 'upload', MAX_ENTRIES, (entry) => fileOf(asFields(entry, 'file'))),
      remove: asList(list.remove, 'remove', MAX_ENTRIES, (entry) => {
        const fields = asFields(entry, 'removal');
        return { path: pathOf(fields), after: asCount(fields.after, 'after') };
      }),
    };
  } catch {
    return undefined;
  }
}

function fileOf(fields: Readonly<Record<string, unknown>>): DeployFile {
  const step = asCount(fields.step, 'step');
  if (step !== 1 && step !== 2 && step !== 3 && step !== 4) throw new RangeError(`step ${step}`);
  return {
    path: pathOf(fields),
    step,
    bytes: asCount(fields.bytes, 'bytes'),
    contentType: asText(fields.contentType, 'contentType', MAX_MEDIA_TYPE_BYTES),
    cacheControl: asText(fields.cacheControl, 'cacheControl', MAX_HEADER_VALUE_BYTES),
  };
}

function pathOf(fields: Readonly<Record<string, unknown>>): ReleasePath {
  return asText(fields.path, 'path', MAX_PATH_BYTES);
}
