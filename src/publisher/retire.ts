import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CLIENT_SCRIPT, POINTER_PATH, WORKER_SCRIPT } from '../protocol/layout.ts';
import { decodePointer, encodePointer, isRetirement, type Pointer, pointerBytesToSign } from '../protocol/pointer.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';
import { DEPLOY_LIST } from './deploy-list.ts';
import { errnoOf, PublishError } from './errors.ts';
import { replaceFile } from './replace-file.ts';
import { retiredDeployList } from './retired-deploy-list.ts';
import { retiredClientScript, retiredWorkerScript } from './retired-scripts.ts';
import { SigningKeys } from './signing-key.ts';
import { readWorkerScript } from './worker-script.ts';

export interface RetireOptions {
  /** Folder that `publish` has filled. */
  readonly out: string;
  /** Ed25519 private key of the app, PKCS#8 in PEM. @default none: the pointer stays as it is */
  readonly key?: string | undefined;
}

/** What a retirement did. */
export interface RetireReport {
  /** `unchanged`: the app was retired already. */
  readonly outcome: 'retired' | 'unchanged';
  readonly app: string;
  readonly channel: string;
  /** Whether the pointer says so too, for browsers that have the worker script from a cache, and for seeds. */
  readonly signed: boolean;
  /** Of the pointer in OUT; `null` when there is none. */
  readonly sequence: number | null;
  /** What is to be uploaded, in this order. */
  readonly files: readonly string[];
}

/** A browser may come back after years; a later pointer revives the app at any time. */
const VALIDITY_SECONDS = 10 * 365 * 24 * 60 * 60;

/**
 * Takes Tabseed out of a published app: browsers that visit it remove the worker and what it has stored, and its pages
 * go on with the origin alone. Publishing again revives the app.
 *
 * @throws PublishError `out-foreign`, `out-damaged`, `out-other-key`, `out-unwritable`, `key-invalid`
 */
export async function retire({ out, key }: RetireOptions): Promise<RetireReport> {
  const { config, isRetired } = await readWorkerScript(out);
  const keys = key === undefined ? undefined : SigningKeys.parse(key);
  if (keys?.publicKeys.some((publicKey) => config.keys.includes(publicKey)) === false) {
    throw new PublishError('out-other-key', `the app in ${out} has another key: use that one, or none`);
  }
  const last = await readPointer(out);
  const isSigned = last !== undefined && isRetirement(last);
  const { app, channel } = config;
  if (isRetired && (isSigned || keys === undefined)) {
    return { outcome: 'unchanged', app, channel, signed: isSigned, sequence: last?.sequence ?? null, files: [] };
  }
  const now = Math.floor(Date.now() / 1000);
  const pointer = keys && !isSigned ? retirement(config, last, now) : undefined;
  const files = new Map<string, string | Uint8Array>([
    [CLIENT_SCRIPT, retiredClientScript(config)],
    [WORKER_SCRIPT, retiredWorkerScript(config)],
  ]);
  if (keys && pointer) files.set(POINTER_PATH, encodePointer(pointer, keys.sign(pointerBytesToSign(pointer))));
  const sequence = (pointer ?? last)?.sequence ?? null;
  const list = await readFile(join(out, DEPLOY_LIST), 'utf8').catch(() => undefined); // Not all hosts need it.
  const newList = list && retiredDeployList(list, { sequence: sequence ?? 0, files, now });
  if (newList) await replaceFile(out, DEPLOY_LIST, newList);
  for (const [path, content] of files) await replaceFile(out, path, content);
  return {
    outcome: 'retired',
    app,
    channel,
    signed: isSigned || pointer !== undefined,
    sequence,
    files: [...files.keys()],
  };
}

function retirement({ app, channel }: WorkerConfig, last: Pointer | undefined, now: number): Pointer {
  return {
    app,
    channel,
    sequence: Math.max((last?.sequence ?? 0) + 1, now),
    created: now,
    expires: now + VALIDITY_SECONDS,
    minimumSequence: last?.minimumSequence ?? 0,
    manifestHash: createHash('sha256').digest('hex'),
    manifestBytes: 0,
  };
}

async function readPointer(out: string): Promise<Pointer | undefined> {
  try {
    return decodePointer(await readFile(join(out, POINTER_PATH))).pointer;
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw new PublishError('out-damaged', `${POINTER_PATH} in ${out} is damaged: delete it, then retire`, { cause });
  }
}
