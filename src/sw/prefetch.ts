import { chunksOfFile, type Manifest, type ReleaseFile } from '../protocol/manifest.ts';
import { distinct } from './chunk-source.ts';
import type { Delivery } from './delivery.ts';
import { Lanes } from './lanes.ts';
import type { WorkerStore } from './tolerant-store.ts';

/**
 * Files at once, of which one window of memory each waits at most: many are small, and each waits for a lease, or a peer.
 */
const PREFETCH_LANES = 8;

/** Brings files into the store that no page has asked for yet. @throws FeedError when a chunk is not to be had. */
export async function prefetch(
  store: WorkerStore,
  delivery: Delivery,
  manifest: Manifest,
  files: readonly ReleaseFile[],
): Promise<void> {
  const stored = new Set(await store.list());
  const lanes = new Lanes(PREFETCH_LANES);
  const fetching = files.map((file) =>
    lanes.run(async () => {
      const missing = distinct(chunksOfFile(manifest, file)).filter((chunk) => !stored.has(chunk.id));
      const feed = delivery.feedMissing(manifest, file, missing);
      // The leader's engine and the origin put into the store what they give; here it is only counted off.
      while ((await feed.next()) !== undefined);
    }),
  );
  try {
    await Promise.all(fetching);
  } finally {
    await delivery.writer.close();
  }
}
