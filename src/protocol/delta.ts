import { ByteReader, ByteWriter } from './bytes.ts';
import { ProtocolError } from './errors.ts';
import { isDeltaPath } from './layout.ts';
import * as limits from './limits.ts';
import { chunksOfFile, type Manifest, type PackedChunk } from './manifest.ts';
import { encodeUtf8 } from './utf8.ts';
import { PROTOCOL_VERSION } from './version.ts';

/** Makes some chunks of one release out of content of an earlier one. Says nothing of what comes out: the manifest does. */
export interface Patch {
  /** The chunks that it makes, end to end. */
  readonly target: readonly PackedChunk[];
  /** Chunks of the earlier release, which end to end begin its dictionary; may be none. */
  readonly source: readonly PackedChunk[];
  /** Where it lies in the delta. */
  readonly offset: number;
  readonly bytes: number;
}

/** How a delta's index writes a patch: in numbers that the two manifests give a meaning. */
export interface PatchEntry {
  /** Chunks that the earlier release lacks and that no patch makes, before those of this one. */
  readonly skipped: number;
  readonly count: number;
  /** A run of chunks of a file of the earlier release. */
  readonly source: { readonly file: number; readonly first: number; readonly count: number } | undefined;
  readonly bytes: number;
}

const MAGIC = 0x5453444c; // "TSDL"
/** Magic, version and the longest length of an index. */
export const MAX_DELTA_HEAD_BYTES = 4 + 1 + 4;

/** The first bytes of a delta; the patches follow, end to end. */
export function encodeDeltaStart(entries: readonly PatchEntry[]): Uint8Array<ArrayBuffer> {
  const index = new ByteWriter().varint(entries.length);
  let lastFile = 0;
  for (const { skipped, count, source, bytes } of entries) {
    index
      .varint(skipped)
      .varint(count)
      .varint(source?.count ?? 0);
    if (source !== undefined) {
      const step = source.file - lastFile;
      // Mostly the next file: small steps forward are even, backward odd.
      index.varint(step < 0 ? -2 * step - 1 : 2 * step).varint(source.first);
      lastFile = source.file;
    }
    index.varint(bytes);
  }
  const encoded = index.finish();
  return new ByteWriter().u32(MAGIC).u8(PROTOCOL_VERSION).varint(encoded.length).bytes(encoded).finish();
}

/** Where a delta's index lies, by its first `MAX_DELTA_HEAD_BYTES` bytes or more. @throws ProtocolError */
export function decodeDeltaHead(bytes: Uint8Array): { readonly start: number; readonly end: number } {
  const reader = new ByteReader(bytes);
  if (reader.u32() !== MAGIC) throw new ProtocolError('unknown-type', 'not a delta');
  const formatVersion = reader.u8();
  if (formatVersion !== PROTOCOL_VERSION) throw new ProtocolError('unsupported-version', `delta ${formatVersion}`);
  const length = reader.varint(limits.MAX_DELTA_INDEX_BYTES);
  const start = bytes.length - reader.remaining;
  return { start, end: start + length };
}

/**
 * The patches of a delta.
 *
 * @param index what lies between the ends that `decodeDeltaHead` gives.
 * @param place where the index ends, and the length of the whole delta.
 * @throws ProtocolError
 */
export function decodeDeltaIndex(
  index: Uint8Array,
  place: { readonly end: number; readonly deltaBytes: number },
  held: Manifest,
  next: Manifest,
): Patch[] {
  const missing = missingChunks(held, next);
  const reader = new ByteReader(index);
  const patches: Patch[] = [];
  let [lastFile, taken, offset] = [0, 0, place.end];
  for (let left = reader.varint(limits.MAX_PATCHES); left > 0; left -= 1) {
    taken += reader.varint();
    const count = reader.varint();
    const target = missing.slice(taken, taken + count);
    taken += count;
    const sourceCount = reader.varint();
    let source: PackedChunk[] = [];
    if (sourceCount > 0) {
      const step = reader.varint();
      lastFile += step % 2 === 0 ? step / 2 : -(step + 1) / 2;
      const first = reader.varint();
      const file = held.files[lastFile];
      source = file === undefined ? [] : chunksOfFile(held, file).slice(first, first + sourceCount);
    }
    if (count === 0 || target.length !== count || source.length !== sourceCount) {
      throw new ProtocolError('bad-value', 'chunks of a patch');
    }
    const bytes = reader.varint();
    if (plainBytesOf(target) > limits.MAX_PATCH_TARGET_BYTES || plainBytesOf(source) > limits.MAX_PATCH_SOURCE_BYTES) {
      throw new ProtocolError('too-large', 'chunks of a patch');
    }
    patches.push({ target, source, offset, bytes });
    offset += bytes;
  }
  reader.end();
  if (offset !== place.deltaBytes) throw new ProtocolError('bad-value', 'patches do not add up to the delta');
  return patches;
}

/** Chunks of `next` that no file of `held` has, each once, in the order in which files name them. Deltas do not count. */
export function missingChunks(held: Manifest, next: Manifest): PackedChunk[] {
  const known = new Set(contentOf(held).map(({ id }) => id));
  return contentOf(next).filter(({ id }) => {
    const isMissing = !known.has(id);
    known.add(id);
    return isMissing;
  });
}

/**
 * New paths, which end every patch's dictionary: a bundler writes the new name of a file into all that import it.
 */
export function newNames(held: Manifest, next: Manifest): Uint8Array<ArrayBuffer> {
  const known = new Set(held.files.map(({ path }) => path));
  const writer = new ByteWriter();
  for (const { path } of next.files) {
    if (known.has(path) || isDeltaPath(path)) continue;
    const name = encodeUtf8(`${path}\n`);
    if (writer.finish().length + name.length > limits.MAX_PATCH_NAMES_BYTES) break;
    writer.bytes(name);
  }
  return writer.finish();
}

export function plainBytesOf(chunks: readonly PackedChunk[]): number {
  return chunks.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
}

function contentOf(manifest: Manifest): PackedChunk[] {
  return manifest.files.filter(({ path }) => !isDeltaPath(path)).flatMap((file) => chunksOfFile(manifest, file));
}
