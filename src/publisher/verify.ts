import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sha256 } from '../protocol/identifier.ts';
import { manifestPath, POINTER_PATH, packPath, WORKER_SCRIPT } from '../protocol/layout.ts';
import * as limits from '../protocol/limits.ts';
import { decodeManifest, type Manifest, packBytes } from '../protocol/manifest.ts';
import { decodePointer, isRetirement, type Pointer } from '../protocol/pointer.ts';
import { decodeWorkerScript } from '../protocol/worker-config.ts';
import { errnoOf, PublishError } from './errors.ts';
import { readSmallFile, verifyPack, verifyPlainFile } from './folder-file.ts';
import { isSignedBy } from './signing-key.ts';
import { verifyDeployList } from './verify-deploy-list.ts';
import { type DamageCode, DamageError } from './verify-errors.ts';
import { verifyPatches } from './verify-patches.ts';

export interface VerifyOptions {
  /** Folder that `publish` has filled. */
  readonly out: string;
  /** Ed25519, 32 bytes in hex: one of them must have signed. @default those in the worker script */
  readonly publicKeys?: readonly Sha256[] | undefined;
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

export interface VerifyProgress {
  readonly path: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface Damage {
  readonly code: DamageCode;
  readonly path: string;
  /** One line. */
  readonly message: string;
}

/** What was found in a published folder. */
export interface VerifyReport {
  readonly app: string | null;
  readonly channel: string | null;
  readonly sequence: number | null;
  readonly retired: boolean;
  /** Unix seconds. */
  readonly expires: number | null;
  readonly files: number;
  readonly packs: number;
  readonly chunks: number;
  /** Packs that the release names and that must be on the host, as they are not here: only a browser could tell. */
  readonly elsewhere: readonly string[];
  readonly damage: readonly Damage[];
}

/** As clients have it: see PROTOCOL.md, "What is trusted, and when". */
const MAX_SEQUENCE = 2 ** 34;
/** A worker script is some 40 KB. */
const MAX_WORKER_SCRIPT_BYTES = 4 * 1024 * 1024;

/**
 * Checks a published folder without a network: whatever a client would check, and that the plain files are the chunks.
 * Memory holds the manifest and one chunk, and to check deltas four packs.
 *
 * @throws PublishError `out-foreign` when nothing is published there
 */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const verification = new Verification(options);
  await verification.run();
  return verification.report();
}

class Verification {
  readonly #options: VerifyOptions;
  readonly #damage: DamageError[] = [];
  readonly #elsewhere: string[] = [];
  #worker: ReturnType<typeof decodeWorkerScript> | undefined;
  #pointer: Pointer | undefined;
  #manifest: Manifest | undefined;
  #doneBytes = 0;

  constructor(options: VerifyOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    await this.#requireRelease();
    await this.#attempt(() => this.#readWorker());
    await this.#attempt(() => this.#readPointer());
    if (this.#pointer && !isRetirement(this.#pointer)) await this.#attempt(() => this.#readManifest());
    const manifest = this.#manifest;
    // A retired app has plain files alone, whatever lies beside them.
    if (manifest && this.#worker?.isRetired !== true) await this.#verifyContent(manifest);
    await verifyDeployList(
      this.#options.out,
      { pointer: this.#pointer, manifest, isRetired: this.#isRetired },
      (error) => this.#damage.push(error),
    );
  }

  report(): VerifyReport {
    const { app = null, channel = null } = this.#pointer ?? this.#worker?.config ?? {};
    const { sequence = null, expires = null } = this.#pointer ?? {};
    const { files = [], packs = [] } = this.#manifest ?? {};
    return {
      ...{ app, channel, sequence, expires },
      retired: this.#isRetired,
      files: files.length,
      packs: packs.length,
      chunks: packs.reduce((sum, { chunks }) => sum + chunks.length, 0),
      elsewhere: this.#elsewhere,
      damage: this.#damage.map(({ code, path, message }) => ({ code, path, message })),
    };
  }

  get #isRetired(): boolean {
    return this.#worker?.isRetired === true || (this.#pointer !== undefined && isRetirement(this.#pointer));
  }

  async #requireRelease(): Promise<void> {
    const { out } = this.#options;
    const found = await Promise.all([POINTER_PATH, WORKER_SCRIPT].map((path) => stat(join(out, path)).catch(errnoOf)));
    if (found.every((entry) => typeof entry !== 'object')) {
      throw new PublishError('out-foreign', `nothing is published in ${out}: name the folder that publish has filled`);
    }
  }

  async #readWorker(): Promise<void> {
    const bytes = await readSmallFile(this.#options.out, WORKER_SCRIPT, MAX_WORKER_SCRIPT_BYTES);
    this.#worker = decoded('worker-wrong', WORKER_SCRIPT, () => decodeWorkerScript(new TextDecoder().decode(bytes)));
  }

  async #readPointer(): Promise<void> {
    const { out, publicKeys } = this.#options;
    const bytes = await readSmallFile(out, POINTER_PATH, limits.MAX_POINTER_BYTES);
    const signed = decoded('pointer-wrong', POINTER_PATH, () => decodePointer(bytes));
    const { pointer } = signed;
    this.#pointer = pointer;
    const known = this.#worker?.config;
    const keys = publicKeys ?? known?.keys ?? [];
    if (!keys.some((key) => isSignedBy(signed, key))) {
      const whose = publicKeys ? 'the given key' : 'a key of the worker script';
      this.#add('signature-wrong', POINTER_PATH, `not signed by ${whose}: publish with that key`);
    }
    if (publicKeys && known && !publicKeys.some((key) => known.keys.includes(key))) {
      this.#add('signature-wrong', WORKER_SCRIPT, 'does not name the given key: no browser would believe it');
    }
    if (known && (known.app !== pointer.app || known.channel !== pointer.channel)) {
      this.#add('parts-differ', POINTER_PATH, 'of another app or channel than the worker script: publish again');
    }
    if (pointer.sequence > MAX_SEQUENCE) {
      this.#add('pointer-wrong', POINTER_PATH, `sequence ${pointer.sequence} is above what browsers believe`);
    }
    if (pointer.expires * 1000 < Date.now()) {
      const date = new Date(pointer.expires * 1000).toISOString().slice(0, 10);
      this.#add('release-expired', POINTER_PATH, `expired on ${date}, browsers install it no more: publish again`);
    }
  }

  async #readManifest(): Promise<void> {
    const pointer = this.#pointer as Pointer;
    const path = manifestPath(pointer.manifestHash);
    const bytes = await readSmallFile(this.#options.out, path, limits.MAX_MANIFEST_BYTES);
    const hash = createHash('sha256').update(bytes).digest('hex');
    if (bytes.length !== pointer.manifestBytes || hash !== pointer.manifestHash) {
      throw new DamageError(
        'manifest-wrong',
        path,
        'not the manifest that the pointer names: upload or publish it again',
      );
    }
    const manifest = decoded('manifest-wrong', path, () => decodeManifest(bytes));
    this.#manifest = manifest;
    const { app, channel, sequence } = pointer;
    if (manifest.app !== app || manifest.channel !== channel || manifest.sequence !== sequence) {
      this.#add('parts-differ', path, 'of another app, channel or sequence than the pointer: publish again');
    }
  }

  async #verifyContent(manifest: Manifest): Promise<void> {
    const { out } = this.#options;
    const totalBytes = [...manifest.packs.map(packBytes), ...manifest.files.map(({ plainBytes }) => plainBytes)].reduce(
      (sum, bytes) => sum + bytes,
      0,
    );
    const verifyOne = async (path: string, bytes: number, work: () => Promise<void>): Promise<void> => {
      await this.#attempt(work);
      this.#doneBytes += bytes;
      this.#options.onProgress?.({ path, doneBytes: this.#doneBytes, totalBytes });
    };
    for (const pack of manifest.packs) {
      const path = packPath(pack.id);
      await verifyOne(path, packBytes(pack), async () => {
        if (!(await verifyPack(out, path, pack))) this.#elsewhere.push(path);
      });
    }
    for (const file of manifest.files) {
      await verifyOne(file.path, file.plainBytes, () => verifyPlainFile(out, file, manifest));
    }
    if (this.#pointer) await verifyPatches(out, this.#pointer, manifest, (check) => this.#attempt(check));
  }

  /** Damage is gathered: whoever repairs a folder wants to know all of it. */
  async #attempt(check: () => Promise<void>): Promise<void> {
    try {
      await check();
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      this.#damage.push(error);
    }
  }

  #add(code: DamageCode, path: string, message: string): void {
    this.#damage.push(new DamageError(code, path, message));
  }
}

function decoded<T>(code: DamageCode, path: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DamageError(code, path, `damaged (${reason}): publish again`, { cause });
  }
}
