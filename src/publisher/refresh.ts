import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { POINTER_PATH } from '../protocol/layout.ts';
import { decodePointer, encodePointer, type Pointer, pointerBytesToSign } from '../protocol/pointer.ts';
import { asFields, asList } from '../protocol/shape.ts';
import { DEPLOY_LIST } from './deploy-list.ts';
import { errnoOf, PublishError } from './errors.ts';
import { replaceFile } from './replace-file.ts';
import { isSignedByAny, SigningKeys } from './signing-key.ts';

export interface RefreshOptions {
  /** Folder that `publish` has filled. */
  readonly out: string;
  /** Ed25519 private key of the app, PKCS#8 in PEM; several, one after the other, while it is changed. */
  readonly key: string;
}

/** What a refresh did. */
export interface RefreshReport {
  /** `unchanged`: the pointer lasts as long already. */
  readonly outcome: 'refreshed' | 'unchanged';
  readonly app: string;
  readonly channel: string;
  readonly sequence: number;
  /** Unix seconds. */
  readonly created: number;
  /** Unix seconds. */
  readonly expires: number;
  /** When it would have ended. */
  readonly previousExpires: number;
}

/** A list of a million files. */
const MAX_ENTRIES = 1_000_000;

/**
 * Signs the newest pointer again, for as long as it was signed before, from now on. The release stays what it is: same
 * sequence, same manifest. Only the pointer has to be uploaded.
 *
 * @throws PublishError `out-foreign`, `out-damaged`, `out-other-key`, `out-unwritable`, `key-invalid`
 */
export async function refresh({ out, key }: RefreshOptions): Promise<RefreshReport> {
  const keys = SigningKeys.parse(key);
  const before = await readPointer(out, keys);
  const { app, channel, sequence } = before;
  const created = Math.floor(Date.now() / 1000);
  const expires = created + before.expires - before.created;
  const report = { app, channel, sequence, previousExpires: before.expires };
  if (expires <= before.expires) {
    return { outcome: 'unchanged', ...report, created: before.created, expires: before.expires };
  }
  const pointer: Pointer = { ...before, created, expires };
  const bytes = encodePointer(pointer, keys.sign(pointerBytesToSign(pointer)));
  await updateDeployList(out, bytes.length);
  await replaceFile(out, POINTER_PATH, bytes);
  return { outcome: 'refreshed', ...report, created, expires };
}

async function readPointer(out: string, { publicKeys }: SigningKeys): Promise<Pointer> {
  const file = await readFile(join(out, POINTER_PATH)).catch((cause: unknown) => {
    const message = `${out} has no ${POINTER_PATH} (${errnoOf(cause) ?? 'unknown error'}): name a published folder`;
    throw new PublishError('out-foreign', message, { cause });
  });
  let signed: ReturnType<typeof decodePointer>;
  try {
    signed = decodePointer(file);
  } catch (cause) {
    throw new PublishError('out-damaged', `${POINTER_PATH} in ${out} is damaged: publish again`, { cause });
  }
  if (isSignedByAny(signed, publicKeys)) return signed.pointer;
  throw new PublishError('out-other-key', `the release in ${out} is signed by another key: use that key`);
}

/** The list names the length of each file; the times are of the same length for the next hundred years. */
async function updateDeployList(out: string, bytes: number): Promise<void> {
  const text = await readFile(join(out, DEPLOY_LIST), 'utf8').catch(() => undefined); // Not all hosts need it.
  if (text === undefined) return;
  let list: Readonly<Record<string, unknown>>;
  try {
    list = asFields(JSON.parse(text), DEPLOY_LIST);
    const upload = asList(list.upload, 'upload', MAX_ENTRIES, (entry) => asFields(entry, 'file'));
    list = { ...list, upload: upload.map((file) => (file.path === POINTER_PATH ? { ...file, bytes } : file)) };
  } catch (cause) {
    throw new PublishError('out-damaged', `${DEPLOY_LIST} in ${out} is damaged: delete it, then refresh`, { cause });
  }
  const updated = `${JSON.stringify(list, undefined, 2)}\n`;
  if (updated !== text) await replaceFile(out, DEPLOY_LIST, updated);
}
