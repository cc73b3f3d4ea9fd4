import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestPath, POINTER_PATH } from '../protocol/layout.ts';
import { decodeManifest, type HeaderSet, type ReleaseFile } from '../protocol/manifest.ts';
import { decodePointer } from '../protocol/pointer.ts';
import type { ReleasePath } from '../protocol/release-path.ts';
import { OriginServerError } from './errors.ts';

/** What the current release says about a file of it. */
export interface PublishedFile {
  readonly mediaType: string;
  readonly plainBytes: number;
  readonly headers: HeaderSet;
}

export type PublishedFiles = ReadonlyMap<ReleasePath, PublishedFile>;

/**
 * The files of the release that OUT's pointer names now: a publish while the server runs is seen by the next request.
 * Signatures are not checked here, the folder is the operator's own; clients check them.
 */
export class CurrentRelease {
  readonly #root: string;
  #loaded: { readonly key: string; readonly files: PublishedFiles } | undefined;
  #loading: { readonly key: string; readonly files: Promise<PublishedFiles> } | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** @throws OriginServerError */
  async files(): Promise<PublishedFiles> {
    // Size and time alone may be equal in two publishes within a second on coarse file systems; a rename changes the inode.
    const { ino, mtimeMs, size } = await stat(join(this.#root, POINTER_PATH)).catch((cause: unknown) => {
      throw new OriginServerError(
        'release-missing',
        `${this.#root} holds no release: publish into it first (tabseed publish SRC --out ${this.#root})`,
        { cause },
      );
    });
    const key = `${ino} ${mtimeMs} ${size}`;
    if (this.#loaded?.key === key) return this.#loaded.files;
    if (this.#loading?.key !== key) this.#loading = { key, files: loadFiles(this.#root) };
    const loading = this.#loading;
    try {
      const files = await loading.files;
      this.#loaded = { key, files };
      return files;
    } finally {
      // Unless a request that saw a newer pointer has begun its own.
      if (this.#loading === loading) this.#loading = undefined;
    }
  }

  /** The files of the last release that could be read: one damaged publish must not take the site down. */
  async latestReadableFiles(): Promise<PublishedFiles> {
    try {
      return await this.files();
    } catch (error) {
      if (error instanceof OriginServerError && this.#loaded !== undefined) return this.#loaded.files;
      throw error;
    }
  }
}

async function loadFiles(root: string): Promise<PublishedFiles> {
  try {
    const { pointer } = decodePointer(await readFile(join(root, POINTER_PATH)));
    const bytes = await readFile(join(root, manifestPath(pointer.manifestHash)));
    if (createHash('sha256').update(bytes).digest('hex') !== pointer.manifestHash) {
      throw new Error('the manifest does not have the hash that the pointer states');
    }
    const { files, headerSets } = decodeManifest(bytes);
    return new Map(files.map((file) => [file.path, published(file, headerSets)]));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown error';
    throw new OriginServerError('release-damaged', `the release in ${root} is damaged (${reason}): publish again`, {
      cause,
    });
  }
}

function published(file: ReleaseFile, headerSets: readonly HeaderSet[]): PublishedFile {
  return { mediaType: file.mediaType, plainBytes: file.plainBytes, headers: headerSets[file.headerSet] ?? [] };
}
