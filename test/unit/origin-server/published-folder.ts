import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { manifestPath, POINTER_PATH, packPath } from '../../../src/protocol/layout.ts';
import { encodeManifest, type HeaderSet } from '../../../src/protocol/manifest.ts';
import { encodePointer } from '../../../src/protocol/pointer.ts';

export interface TestFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly mediaType?: string;
  readonly headers?: HeaderSet;
  /** When it is published decoded: what the manifest describes. */
  readonly plain?: Uint8Array;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A folder as `tabseed publish` leaves it, with one pack per file and a signature that nobody checks here. */
export class PublishedFolder {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async create(files: readonly TestFile[]): Promise<PublishedFolder> {
    const folder = new PublishedFolder(await mkdtemp(join(tmpdir(), 'tabseed-origin-')));
    await folder.publish(1, files);
    return folder;
  }

  async write(path: string, bytes: Uint8Array | string): Promise<void> {
    const location = join(this.root, path);
    await mkdir(dirname(location), { recursive: true });
    await writeFile(location, bytes);
  }

  /** Writes the files, packs and manifest, then replaces the pointer. @returns the manifest's path */
  async publish(sequence: number, files: readonly TestFile[]): Promise<string> {
    const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
    for (const file of sorted) {
      await this.write(file.path, file.bytes);
      await this.write(packPath(sha256(file.plain ?? file.bytes)), file.plain ?? file.bytes);
    }
    const manifest = encodeManifest({
      app: 'test',
      channel: 'main',
      sequence,
      version: '',
      created: 1,
      settings: '{}',
      chunking: { minimumBytes: 1, averageBytes: 2, maximumBytes: 3 },
      packs: sorted.map((file) => {
        const plain = file.plain ?? file.bytes;
        const id = sha256(plain);
        return { id, chunks: [{ id, encoding: 'identity', plainBytes: plain.length, encodedBytes: plain.length }] };
      }),
      headerSets: sorted.map((file) => file.headers ?? []),
      files: sorted.map((file, index) => ({
        path: file.path,
        plainBytes: (file.plain ?? file.bytes).length,
        hash: sha256(file.plain ?? file.bytes),
        mediaType: file.mediaType ?? 'application/octet-stream',
        headerSet: index,
        runs: [{ pack: index, first: 0, count: 1 }],
      })),
    });
    const hash = sha256(manifest);
    await this.write(manifestPath(hash), manifest);
    const pointer = encodePointer(
      {
        app: 'test',
        channel: 'main',
        sequence,
        created: 1,
        expires: 2,
        minimumSequence: 0,
        manifestHash: hash,
        manifestBytes: manifest.length,
      },
      [{ key: '00'.repeat(8), signature: new Uint8Array(64) }],
    );
    await this.write(`${POINTER_PATH}.new`, pointer);
    await rename(join(this.root, `${POINTER_PATH}.new`), join(this.root, POINTER_PATH));
    return manifestPath(hash);
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}
