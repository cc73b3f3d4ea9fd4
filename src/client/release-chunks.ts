import { openChunk } from '../core/chunk.ts';
import { IntegrityError } from '../core/errors.ts';
import type { ChunkStore, Codec, Digest } from '../core/ports.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import { isDeltaPath } from '../protocol/layout.ts';
import { chunksOfFile, type Manifest, type PackedChunk, type ReleaseFile } from '../protocol/manifest.ts';
import { decodeSettings } from '../protocol/settings.ts';

/** Chunks read from the store at once: some 2 MiB. */
const READ_BATCH = 32;

/** What an update waits for, and the files that come when they are asked for. */
export function eagerAndLazy(manifest: Manifest): { eager: ReleaseFile[]; lazy: ReleaseFile[] } {
  const { lazy, lazyAboveBytes = Number.POSITIVE_INFINITY } = decodeSettings(manifest.settings);
  const patterns = lazy.map((pattern) => new RegExp(pattern));
  const isLazy = ({ path, plainBytes }: ReleaseFile): boolean =>
    plainBytes > lazyAboveBytes || patterns.some((pattern) => pattern.test(path));
  // A delta has done its work when the release is there: none is kept for its own sake.
  const files = manifest.files.filter(({ path }) => !isDeltaPath(path));
  return { eager: files.filter((file) => !isLazy(file)), lazy: files.filter(isLazy) };
}

/** Each chunk of the files once. */
export function chunksOf(manifest: Manifest, files: readonly ReleaseFile[]): PackedChunk[] {
  const byId = new Map<ChunkId, PackedChunk>();
  for (const file of files) for (const chunk of chunksOfFile(manifest, file)) byId.set(chunk.id, chunk);
  return [...byId.values()];
}

/** The chunks that are not whole in the store. A damaged one is deleted. @throws StoreError */
export async function absentFrom(
  ports: { readonly store: ChunkStore; readonly digest: Digest; readonly codec: Codec },
  chunks: readonly PackedChunk[],
  signal: AbortSignal,
): Promise<PackedChunk[]> {
  const absent: PackedChunk[] = [];
  for (let start = 0; start < chunks.length; start += READ_BATCH) {
    signal.throwIfAborted();
    const batch = chunks.slice(start, start + READ_BATCH);
    const stored = await ports.store.get(batch.map(({ id }) => id));
    const damaged: ChunkId[] = [];
    await Promise.all(
      batch.map(async (chunk, index) => {
        const encoded = stored[index];
        try {
          if (encoded !== undefined) await openChunk(ports, chunk, encoded);
          else absent.push(chunk);
        } catch (error) {
          if (!(error instanceof IntegrityError)) throw error;
          absent.push(chunk);
          damaged.push(chunk.id);
        }
      }),
    );
    if (damaged.length > 0) await ports.store.delete(damaged);
  }
  return absent;
}
