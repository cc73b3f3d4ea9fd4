import { MAX_MANIFESTS_PER_MESSAGE } from './limits.ts';
import { asCount, asFields, asFlag, asLabel, asList } from './shape.ts';

/** Bringing all that a release needs into the store. Bytes are plain, of what was missing at the start. */
export interface StagingProgress {
  readonly sequence: number;
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** All of it is there and verified. */
  readonly staged: boolean;
  /** Code of what ended the attempt; empty while nothing has. */
  readonly failure: string;
}

/** What a worker tells of its releases, in each `status`. */
export interface ReleaseNews {
  /** Sequences of the releases that pages can have; the document of a page that names another one is lost. */
  readonly sequences: readonly number[];
  /** A newer one that is not active yet. */
  readonly update: (StagingProgress & { readonly version: string }) | null;
}

/** @throws ProtocolError */
export function decodeReleaseNews(value: unknown): ReleaseNews {
  const { sequences, update } = asFields(value, 'news');
  return {
    sequences: asList(sequences, 'sequences', MAX_MANIFESTS_PER_MESSAGE, (item) => asCount(item, 'sequence')),
    update:
      update === null
        ? null
        : { ...decodeProgress(update), version: asLabel(asFields(update, 'update').version, 'version') },
  };
}

function decodeProgress(value: unknown): StagingProgress {
  const fields = asFields(value, 'progress');
  return {
    sequence: asCount(fields.sequence, 'sequence'),
    doneBytes: asCount(fields.doneBytes, 'bytes'),
    totalBytes: asCount(fields.totalBytes, 'bytes'),
    staged: asFlag(fields.staged, 'staged'),
    failure: asLabel(fields.failure, 'failure'),
  };
}
