import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { inflateRawSync } from 'node:zlib';
import { packPath } from '../protocol/layout.ts';
import { type Manifest, type Pack, type PackedChunk, packBytes } from '../protocol/manifest.ts';
import { PublishError } from './errors.ts';
import type { PublishPlan } from './options.ts';
import type { ReleasePlace } from './release-place.ts';
import type { Staging } from './staging.ts';

/** Where a chunk goes. */
interface Destination {
  readonly chunk: number;
  readonly path: string;
  readonly offset: number;
}

/**
 * Writes the plain files of a release out of its packs, one pack in memory at a time. Resolves with warnings.
 *
 * @throws PublishError `rollback-incomplete`
 */
export async function unpackFiles(
  manifest: Manifest,
  place: ReleasePlace,
  staging: Staging,
  { abort, onProgress }: Pick<PublishPlan, 'abort' | 'onProgress'>,
): Promise<string[]> {
  for (const { path } of manifest.files) await (await open(await staging.place(path), 'w')).close();
  const destinations = destinationsOf(manifest);
  const totalBytes = manifest.packs.reduce((sum, pack) => sum + packBytes(pack), 0);
  let doneBytes = 0;
  for (const [index, pack] of manifest.packs.entries()) {
    abort?.throwIfAborted();
    const bytes = await readPack(pack, place);
    await writeChunks(pack, bytes, destinations[index] ?? [], staging);
    doneBytes += bytes.length;
    onProgress({ path: packPath(pack.id), doneBytes, totalBytes });
  }
  return manifest.files
    .filter(({ path }) => /\.(?:br|gz)$/.test(path))
    .map(({ path }) => `${path} is written decoded: compress it again if its server sends it with Content-Encoding`);
}

/** By pack; in the order of the files. */
function destinationsOf({ files, packs }: Manifest): Destination[][] {
  const byPack: Destination[][] = packs.map(() => []);
  for (const { path, runs } of files) {
    let offset = 0;
    for (const { pack, first, count } of runs) {
      for (let chunk = first; chunk < first + count; chunk += 1) {
        byPack[pack]?.push({ chunk, path, offset });
        offset += packs[pack]?.chunks[chunk]?.plainBytes ?? 0;
      }
    }
  }
  return byPack;
}

async function readPack(pack: Pack, place: ReleasePlace): Promise<Uint8Array> {
  const bytes = await place.read(packPath(pack.id), packBytes(pack));
  if (bytes !== undefined && createHash('sha256').update(bytes).digest('hex') === pack.id) return bytes;
  const problem = bytes === undefined ? 'is missing' : 'is damaged';
  throw new PublishError(
    'rollback-incomplete',
    `${packPath(pack.id)} ${problem} in ${place.name}: name where it is whole with --previous, or publish the old build`,
  );
}

async function writeChunks(
  pack: Pack,
  bytes: Uint8Array,
  destinations: readonly Destination[],
  staging: Staging,
): Promise<void> {
  const starts: number[] = [];
  let end = 0;
  for (const { encodedBytes } of pack.chunks) {
    starts.push(end);
    end += encodedBytes;
  }
  let current: { readonly path: string; readonly handle: FileHandle } | undefined;
  try {
    for (const { chunk, path, offset } of destinations) {
      if (current?.path !== path) {
        await current?.handle.close();
        current = { path, handle: await open(await staging.place(path), 'r+') };
      }
      const packed = pack.chunks[chunk] as PackedChunk;
      const start = starts[chunk] ?? 0;
      await current.handle.write(plainOf(packed, bytes.subarray(start, start + packed.encodedBytes)), 0, null, offset);
    }
  } finally {
    await current?.handle.close();
  }
}

/** The pack is the one of its name, but who made it may have had a bug: a wrong file must not become a release. */
function plainOf({ id, encoding, plainBytes }: PackedChunk, encoded: Uint8Array): Uint8Array {
  const plain = encoding === 'identity' ? encoded : inflateRawSync(encoded, { maxOutputLength: plainBytes });
  if (createHash('sha256').update(plain).digest('hex') === id) return plain;
  throw new PublishError('rollback-incomplete', `a pack of the old release is wrong: publish the old build again`);
}
