import { ByteReader, ByteWriter } from './bytes.ts';
import { type Encoding, encodingOfTag, encodingTag } from './encoding.ts';
import { ProtocolError } from './errors.ts';
import { type ChunkId, type PackId, readSha256, type Sha256, writeSha256 } from './identifier.ts';
import * as limits from './limits.ts';
import { isReleasePath, pathProblem, type ReleasePath } from './release-path.ts';
import { PROTOCOL_VERSION } from './version.ts';

/** Immutable description of one release. Trusted only after its SHA-256 matched a verified pointer. */
export interface Manifest {
  readonly app: string;
  readonly channel: string;
  /** Strictly increasing over the releases of an app and channel. */
  readonly sequence: number;
  /** The publisher's own label (`--version`); may be empty. */
  readonly version: string;
  /** Unix seconds. */
  readonly created: number;
  /** JSON for `decodeSettings`: as text, so that a client keeps what a later publisher added. */
  readonly settings: string;
  readonly chunking: Chunking;
  readonly packs: readonly Pack[];
  /** Distinct sets of response headers; files name one by index. */
  readonly headerSets: readonly HeaderSet[];
  /** Sorted by path (code units), each path once. */
  readonly files: readonly ReleaseFile[];
}

/** Parameters of the content-defined chunking that made the release, so that the next one cuts alike. Bytes. */
export interface Chunking {
  readonly minimumBytes: number;
  readonly averageBytes: number;
  readonly maximumBytes: number;
}

/** Immutable file on the origin that holds encoded chunks end to end. Every chunk of it is listed. */
export interface Pack {
  readonly id: PackId;
  readonly chunks: readonly PackedChunk[];
}

export interface PackedChunk {
  readonly id: ChunkId;
  readonly encoding: Encoding;
  readonly plainBytes: number;
  readonly encodedBytes: number;
}

/** Lower-case names, in the publisher's order. */
export type HeaderSet = readonly (readonly [name: string, value: string])[];

export interface ReleaseFile {
  readonly path: ReleasePath;
  readonly plainBytes: number;
  readonly hash: Sha256;
  /** Content-Type of the response. */
  readonly mediaType: string;
  /** Index into `headerSets`. */
  readonly headerSet: number;
  /** The file's bytes in order; empty for an empty file. */
  readonly runs: readonly ChunkRun[];
}

/** `count` consecutive chunks of the pack with index `pack`. */
export interface ChunkRun {
  readonly pack: number;
  readonly first: number;
  readonly count: number;
}

const MAGIC = 0x54534d46; // "TSMF"
const HEADER_NAME_PATTERN = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
// RFC 9110 field values: visible characters, spaces, tabs, and bytes above ASCII as U+0080 to U+00FF. Anything else would
// make `new Response` throw in a worker that must always answer.
const HEADER_VALUE_PATTERN = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Bytes of a manifest; layout in PROTOCOL.md. The same manifest always gives the same bytes.
 *
 * @throws ProtocolError when a client would refuse it, with the client's reason.
 */
export function encodeManifest(manifest: Manifest): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(64 * 1024);
  writer.u32(MAGIC).u8(PROTOCOL_VERSION);
  writer.text(manifest.app).text(manifest.channel).varint(manifest.sequence);
  writer.text(manifest.version).varint(manifest.created);
  writer.text(manifest.settings);
  const { minimumBytes, averageBytes, maximumBytes } = manifest.chunking;
  writer.varint(minimumBytes).varint(averageBytes).varint(maximumBytes);

  writer.varint(manifest.packs.length);
  for (const pack of manifest.packs) {
    writeSha256(writer, pack.id);
    writer.varint(pack.chunks.length);
    for (const chunk of pack.chunks) {
      writeSha256(writer, chunk.id);
      writer.u8(encodingTag(chunk.encoding)).varint(chunk.plainBytes);
      if (chunk.encoding !== 'identity') writer.varint(chunk.encodedBytes);
    }
  }

  writer.varint(manifest.headerSets.length);
  for (const headers of manifest.headerSets) {
    writer.varint(headers.length);
    for (const [name, value] of headers) writer.text(name).text(value);
  }

  writer.varint(manifest.files.length);
  for (const file of manifest.files) {
    writer.text(file.path).varint(file.plainBytes);
    writeSha256(writer, file.hash);
    writer.text(file.mediaType).varint(file.headerSet).varint(file.runs.length);
    for (const run of file.runs) writer.varint(run.pack).varint(run.first).varint(run.count);
  }

  const bytes = writer.finish();
  // A release that no client can read must fail in the publisher's hands, not at its users.
  decodeManifest(bytes);
  return bytes;
}

/**
 * A manifest whose every reference is in range and whose lengths add up: nothing that reads it needs to check again.
 *
 * @throws ProtocolError
 */
export function decodeManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > limits.MAX_MANIFEST_BYTES) {
    throw new ProtocolError('too-large', `manifest of ${bytes.length} bytes, at most ${limits.MAX_MANIFEST_BYTES}`);
  }
  const reader = new ByteReader(bytes);
  if (reader.u32() !== MAGIC) throw new ProtocolError('unknown-type', 'not a manifest');
  const formatVersion = reader.u8();
  if (formatVersion !== PROTOCOL_VERSION) {
    throw new ProtocolError('unsupported-version', `manifest version ${formatVersion}`);
  }
  const app = reader.text(limits.MAX_LABEL_BYTES);
  const channel = reader.text(limits.MAX_LABEL_BYTES);
  const sequence = reader.varint();
  const version = reader.text(limits.MAX_LABEL_BYTES);
  const created = reader.varint();
  const settings = reader.text(limits.MAX_SETTINGS_BYTES);
  const chunking = readChunking(reader);
  const packs = list(reader, limits.MAX_PACKS, () => readPack(reader));
  const headerSets = list(reader, limits.MAX_HEADER_SETS, () => readHeaderSet(reader));
  const references: References = { plainOffsets: packs.map(plainOffsetsOf), headerSets: headerSets.length, chunks: 0 };
  const files = list(reader, limits.MAX_FILES, () => readFile(reader, references));
  reader.end();
  if (new Set(packs.map((pack) => pack.id)).size < packs.length) {
    throw new ProtocolError('bad-value', 'pack listed twice');
  }
  for (let index = 1; index < files.length; index += 1) {
    if ((files[index - 1] as ReleaseFile).path >= (files[index] as ReleaseFile).path) {
      throw new ProtocolError('bad-value', 'paths are not in order');
    }
  }
  return { app, channel, sequence, version, created, settings, chunking, packs, headerSets, files };
}

function list<T>(reader: ByteReader, max: number, read: () => T): T[] {
  const count = reader.varint(max);
  const items: T[] = [];
  for (let index = 0; index < count; index += 1) items.push(read());
  return items;
}

function readChunking(reader: ByteReader): Chunking {
  const minimumBytes = reader.varint(limits.MAX_CHUNK_BYTES);
  const averageBytes = reader.varint(limits.MAX_CHUNK_BYTES);
  const maximumBytes = reader.varint(limits.MAX_CHUNK_BYTES);
  if (minimumBytes < 1 || minimumBytes > averageBytes || averageBytes > maximumBytes) {
    throw new ProtocolError('bad-value', 'chunking parameters out of order');
  }
  return { minimumBytes, averageBytes, maximumBytes };
}

function readPack(reader: ByteReader): Pack {
  const id = readSha256(reader);
  let packBytes = 0;
  const chunks = list(reader, limits.MAX_CHUNKS_PER_PACK, () => {
    const chunk = readPackedChunk(reader);
    packBytes += chunk.encodedBytes;
    return chunk;
  });
  if (packBytes > limits.MAX_PACK_BYTES) throw new ProtocolError('too-large', 'pack');
  return { id, chunks };
}

function readPackedChunk(reader: ByteReader): PackedChunk {
  const id = readSha256(reader);
  const encoding = encodingOfTag(reader.u8());
  const plainBytes = reader.varint(limits.MAX_CHUNK_BYTES);
  const encodedBytes = encoding === 'identity' ? plainBytes : reader.varint(limits.MAX_ENCODED_CHUNK_BYTES);
  if (plainBytes === 0 || encodedBytes === 0) throw new ProtocolError('bad-value', 'empty chunk');
  return { id, encoding, plainBytes, encodedBytes };
}

function readHeaderSet(reader: ByteReader): HeaderSet {
  return list(reader, limits.MAX_HEADERS_PER_SET, () => {
    const name = reader.text(limits.MAX_HEADER_NAME_BYTES);
    const value = reader.text(limits.MAX_HEADER_VALUE_BYTES);
    if (!HEADER_NAME_PATTERN.test(name) || !HEADER_VALUE_PATTERN.test(value)) {
      throw new ProtocolError('bad-value', `header ${name}`);
    }
    return [name, value] as const;
  });
}

/** Says why a response header cannot be part of a release, or `undefined` when it can. */
export function headerProblem(name: string, value: string): string | undefined {
  if (!HEADER_NAME_PATTERN.test(name)) return `"${name}" is not a lower-case header name`;
  if (!HEADER_VALUE_PATTERN.test(value)) return `the value of ${name} has a control character`;
  return undefined;
}

/** What files refer to, and how many chunks they have named so far. */
interface References {
  readonly plainOffsets: readonly Float64Array[];
  readonly headerSets: number;
  chunks: number;
}

/**
 * Where each chunk would start if the pack's chunks were written plain, and at last where they would end. With it the
 * length of a run is one subtraction: adding up chunk by chunk, a manifest of 1 MB could keep a client busy for minutes.
 */
function plainOffsetsOf(pack: Pack): Float64Array {
  const offsets = new Float64Array(pack.chunks.length + 1);
  let end = 0;
  for (const [index, chunk] of pack.chunks.entries()) {
    end += chunk.plainBytes;
    offsets[index + 1] = end;
  }
  return offsets;
}

function readFile(reader: ByteReader, references: References): ReleaseFile {
  const path = reader.text(limits.MAX_PATH_BYTES);
  if (!isReleasePath(path)) throw new ProtocolError('bad-value', `path refused: ${pathProblem(path)}`);
  const plainBytes = reader.varint();
  const hash = readSha256(reader);
  const mediaType = reader.text(limits.MAX_MEDIA_TYPE_BYTES);
  if (!HEADER_VALUE_PATTERN.test(mediaType)) throw new ProtocolError('bad-value', 'media type');
  const headerSet = reader.varint();
  if (headerSet >= references.headerSets) throw new ProtocolError('bad-value', 'header set out of range');
  let runBytes = 0;
  const runs = list(reader, limits.MAX_CHUNK_REFERENCES, () => {
    const run = { pack: reader.varint(), first: reader.varint(), count: reader.varint() };
    const offsets = references.plainOffsets[run.pack];
    const start = offsets?.[run.first];
    const end = offsets?.[run.first + run.count];
    if (start === undefined || end === undefined || run.count === 0) {
      throw new ProtocolError('bad-value', 'chunk run out of range');
    }
    // Three bytes of run can name 16,384 chunks: whoever expands the runs must not have to count.
    references.chunks += run.count;
    if (references.chunks > limits.MAX_CHUNK_REFERENCES) throw new ProtocolError('too-large', 'chunks of all files');
    runBytes += end - start;
    return run;
  });
  if (runBytes !== plainBytes) throw new ProtocolError('bad-value', 'chunks do not add up to the declared length');
  return { path, plainBytes, hash, mediaType, headerSet, runs };
}

/** The chunks of a file in order. */
export function chunksOfFile(manifest: Manifest, file: ReleaseFile): PackedChunk[] {
  return file.runs.flatMap((run) => {
    const pack = manifest.packs[run.pack] as Pack;
    return pack.chunks.slice(run.first, run.first + run.count);
  });
}

/** Sum of the encoded bytes of a pack's chunks: the length of the pack file. */
export function packBytes(pack: Pack): number {
  return pack.chunks.reduce((sum, chunk) => sum + chunk.encodedBytes, 0);
}
