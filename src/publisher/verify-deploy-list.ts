import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CLIENT_SCRIPT, manifestPath, POINTER_PATH, packPath, WORKER_SCRIPT } from '../protocol/layout.ts';
import { MAX_PATH_BYTES } from '../protocol/limits.ts';
import type { Manifest } from '../protocol/manifest.ts';
import type { Pointer } from '../protocol/pointer.ts';
import { asCount, asFields, asList, asText } from '../protocol/shape.ts';
import { DEPLOY_LIST } from './deploy-list.ts';
import { errnoOf } from './errors.ts';
import { DamageError } from './verify-errors.ts';

/** More than a release can have. */
const MAX_ENTRIES = 1_000_000;

interface Known {
  readonly pointer: Pointer | undefined;
  readonly manifest: Manifest | undefined;
  readonly isRetired: boolean;
}

/** Whether the list is complete and true, and keeps its order. An OUT without one is uploaded by other means. */
export async function verifyDeployList(
  out: string,
  known: Known,
  onDamage: (error: DamageError) => void,
): Promise<void> {
  const wrong = (problem: string, cause?: unknown): void =>
    onDamage(new DamageError('deploy-list-wrong', DEPLOY_LIST, `${problem}: publish again`, { cause }));
  let text: string;
  try {
    text = await readFile(join(out, DEPLOY_LIST), 'utf8');
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') wrong(`cannot be read (${errnoOf(cause) ?? 'unknown error'})`, cause);
    return;
  }
  try {
    const list = asFields(JSON.parse(text), 'the list');
    const upload = asList(list.upload, 'upload', MAX_ENTRIES, fileOf);
    const keep = asList(list.keep, 'keep', MAX_ENTRIES, fileOf);
    const sequence = asCount(list.sequence, 'sequence');
    if (known.pointer && sequence !== known.pointer.sequence) wrong(`of sequence ${sequence}, not of the pointer's`);
    if (upload.at(-1)?.path !== POINTER_PATH && known.pointer) wrong('does not upload the pointer last');
    const listed = new Set([...upload, ...keep].map(({ path }) => path));
    for (const path of needed(known)) if (!listed.has(path)) wrong(`lacks ${path}`);
    for (const { path, bytes } of upload) {
      const size = await stat(join(out, path)).then(
        (found) => found.size,
        () => undefined,
      );
      if (size !== bytes)
        wrong(size === undefined ? `names ${path}, which is missing` : `${path} has ${size} bytes, not ${bytes}`);
    }
  } catch (cause) {
    wrong(`damaged (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  }
}

function needed({ pointer, manifest, isRetired }: Known): string[] {
  const own = [WORKER_SCRIPT, CLIENT_SCRIPT, ...(pointer ? [POINTER_PATH] : [])];
  if (!pointer || !manifest || isRetired) return own;
  return [
    ...own,
    manifestPath(pointer.manifestHash),
    ...manifest.packs.map(({ id }) => packPath(id)),
    ...manifest.files.map(({ path }) => path),
  ];
}

function fileOf(value: unknown): { path: string; bytes: number } {
  const fields = asFields(value, 'file');
  return { path: asText(fields.path, 'path', MAX_PATH_BYTES), bytes: asCount(fields.bytes, 'bytes') };
}
