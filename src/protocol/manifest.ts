import { ByteReader, ByteWriter } from './bytes.ts';
import { type Encoding, encodingOfTag, encodingTag } from './encoding.ts';
import { ProtocolError } from './errors.ts';
import { readSha256, writeSha256 } from './hash-bytes.ts';
import type { ChunkId, PackId, Sha256 } from './identifier.ts';
import * as limits from './limits.ts';
import { checkManifest } from './manifest-check.ts';
import type { ReleasePath } from './release-path.ts';
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
  const manifest = readManifest(bytes);
  checkManifest(manifest);
  return manifest;
}

/**
 * The same without a look at what it says: for bytes that a trusted key has signed, where every byte of a script counts.
 * A publisher signs nothing that `decodeManifest` refuses.
 *
 * @throws ProtocolError
 */
export function readManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > limits.MAX_MANIFEST_BYTES) {
    throw new ProtocolError('too-large', `manifest of ${bytes.length} bytes, at most ${limits.MAX_MANIFEST_BYTES}`);
  }
  const reader = new ByteReader(bytes);
  if (reader.u32() !== MAGIC) throw new ProtocolError('unknown-type', 'not a manifest');
  const formatVersion = reader.u8();
  if (formatVersion !== PROTOCOL_VERSION) {
    throw new ProtocolError('unsupported-version', `manifest version ${formatVersion}`);
  }
  // In the order of the bytes.
  const manifest: Manifest = {
    app: reader.text(limits.MAX_LABEL_BYTES),
    channel: reader.text(limits.MAX_LABEL_BYTES),
    sequence: reader.varint(),
    version: reader.text(limits.MAX_LABEL_BYTES),
    created: reader.varint(),
    settings: reader.text(limits.MAX_SETTINGS_BYTES),
    chunking: {
      minimumBytes: reader.varint(limits.MAX_CHUNK_BYTES),
      averageBytes: reader.varint(limits.MAX_CHUNK_BYTES),
      maximumBytes: reader.varint(limits.MAX_CHUNK_BYTES),
    },
    packs: list(reader, limits.MAX_PACKS, () => ({
      id: readSha256(reader),
      chunks: list(reader, limits.MAX_CHUNKS_PER_PACK, () => readPackedChunk(reader)),
    })),
    headerSets: list(reader, limits.MAX_HEADER_SETS, () =>
      list(
        reader,
        limits.MAX_HEADERS_PER_SET,
        () => [reader.text(limits.MAX_HEADER_NAME_BYTES), reader.text(limits.MAX_HEADER_VALUE_BYTES)] as const,
      ),
    ),
    files: list(reader, limits.MAX_FILES, () => ({
      path: reader.text(limits.MAX_PATH_BYTES),
      plainBytes: reader.varint(),
      hash: readSha256(reader),
      mediaType: reader.text(limits.MAX_MEDIA_TYPE_BYTES),
      headerSet: reader.varint(),
      runs: list(reader, limits.MAX_CHUNK_REFERENCES, () => ({
        pack: reader.varint(),
        first: reader.varint(),
        count: reader.varint(),
      })),
    })),
  };
  reader.end();
  return manifest;
}

function list<T>(reader: ByteReader, max: number, read: () => T): T[] {
  const count = reader.varint(max);
  const items: T[] = [];
  for (let index = 0; index < count; index += 1) items.push(read());
  return items;
}

function readPackedChunk(reader: ByteReader): PackedChunk {
  const id = readSha256(reader);
  const encoding = encodingOfTag(reader.u8());
  const plainBytes = reader.varint(limits.MAX_CHUNK_BYTES);
  const encodedBytes = encoding === 'identity' ? plainBytes : reader.varint(limits.MAX_ENCODED_CHUNK_BYTES);
  return { id, encoding, plainBytes, encodedBytes };
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
