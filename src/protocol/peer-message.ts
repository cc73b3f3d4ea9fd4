import { ByteReader, ByteWriter } from './bytes.ts';
import { type Encoding, encodingOfTag, encodingTag } from './encoding.ts';
import { ProtocolError } from './errors.ts';
import { readInstanceId, readSha256, writeInstanceId, writeSha256 } from './hash-bytes.ts';
import type { InstanceId, PackId, Sha256 } from './identifier.ts';
import * as limits from './limits.ts';
import { PROTOCOL_VERSION } from './version.ts';

/**
 * What two peers say over a data channel, one message a frame. `pack` is a number in the list of packs that the
 * *sender* of the message has announced (`hello`, then `packs`), counted from 0.
 */
export type PeerMessage =
  | {
      readonly type: 'hello';
      readonly version: number;
      /** Tells a peer that it is connected to already, under an older peer id. */
      readonly instance: InstanceId;
      readonly packs: readonly AnnouncedPack[];
    }
  | { readonly type: 'packs'; readonly packs: readonly AnnouncedPack[] }
  /** All that the sender holds of a pack; bit 0 of a byte is its lowest-numbered chunk. */
  | { readonly type: 'bitfield'; readonly pack: number; readonly bits: Uint8Array }
  | { readonly type: 'have'; readonly pack: number; readonly first: number; readonly count: number }
  | {
      readonly type: 'request';
      readonly request: number;
      readonly pack: number;
      readonly first: number;
      readonly count: number;
    }
  | { readonly type: 'cancel'; readonly request: number }
  /** The sender will not answer what is left of this request. */
  | { readonly type: 'reject'; readonly request: number }
  | DataMessage
  | { readonly type: 'ping'; readonly token: number }
  | { readonly type: 'pong'; readonly token: number }
  /** The sender is about to close: move its requests elsewhere at once. */
  | { readonly type: 'bye' }
  /** The newest pointer file that the sender has verified; again when it has a newer one. */
  | { readonly type: 'pointer'; readonly bytes: Uint8Array }
  /** Send a part of this manifest, from `offset` on. One at a time is open. */
  | { readonly type: 'manifest-request'; readonly manifest: Sha256; readonly offset: number }
  /** Of the manifest that was asked for, from where it was asked; without bytes, the sender does not have it. */
  | { readonly type: 'manifest-part'; readonly bytes: Uint8Array };

export interface AnnouncedPack {
  readonly id: PackId;
  readonly chunkCount: number;
}

/** One fragment of one chunk that was requested. Fragments of a chunk come in order, chunks in the request's order. */
export interface DataMessage {
  readonly type: 'data';
  readonly request: number;
  /** Index of the chunk in the pack that the request named. */
  readonly chunk: number;
  readonly encoding: Encoding;
  /** Length of the whole encoded chunk. */
  readonly encodedBytes: number;
  /** Where this fragment starts in it. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const CODE_OF_TYPE = {
  hello: 1,
  packs: 2,
  bitfield: 3,
  have: 4,
  request: 5,
  cancel: 6,
  reject: 7,
  data: 8,
  ping: 9,
  pong: 10,
  bye: 11,
  pointer: 12,
  'manifest-request': 13,
  'manifest-part': 14,
} as const satisfies Record<PeerMessage['type'], number>;

const TYPE_OF_CODE: ReadonlyMap<number, PeerMessage['type']> = new Map(
  Object.entries(CODE_OF_TYPE).map(([type, code]) => [code, type as PeerMessage['type']] as const),
);

const MAX_BITFIELD_BYTES = limits.MAX_CHUNKS_PER_PACK / 8;

/**
 * The frame of one message.
 *
 * @param writer empty. For a sender of many frames, which need not each take new memory: that costs more than copying.
 */
export function encodePeerMessage(message: PeerMessage, writer = new ByteWriter(64)): Uint8Array<ArrayBuffer> {
  writer.u8(CODE_OF_TYPE[message.type]);
  switch (message.type) {
    case 'hello':
      writer.varint(message.version);
      writeInstanceId(writer, message.instance);
      writeAnnouncedPacks(writer, message.packs);
      break;
    case 'packs':
      writeAnnouncedPacks(writer, message.packs);
      break;
    case 'bitfield':
      writer.varint(message.pack).bytes(message.bits);
      break;
    case 'have':
      writer.varint(message.pack).varint(message.first).varint(message.count);
      break;
    case 'request':
      writer.varint(message.request).varint(message.pack).varint(message.first).varint(message.count);
      break;
    case 'cancel':
    case 'reject':
      writer.varint(message.request);
      break;
    case 'data':
      writer.varint(message.request).varint(message.chunk).u8(encodingTag(message.encoding));
      writer.varint(message.encodedBytes).varint(message.offset).bytes(message.bytes);
      break;
    case 'ping':
    case 'pong':
      writer.varint(message.token);
      break;
    case 'bye':
      break;
    case 'manifest-request':
      writeSha256(writer, message.manifest);
      writer.varint(message.offset);
      break;
    case 'pointer':
    case 'manifest-part':
      writer.bytes(message.bytes);
      break;
    default:
      message satisfies never;
  }
  return writer.finish();
}

/** @throws ProtocolError on anything that this protocol does not allow; the peer is then dropped. */
export function decodePeerMessage(frame: Uint8Array): PeerMessage {
  if (frame.length > limits.MAX_FRAME_BYTES) throw new ProtocolError('too-large', `frame of ${frame.length} bytes`);
  const reader = new ByteReader(frame);
  const code = reader.u8();
  const type = TYPE_OF_CODE.get(code);
  if (type === undefined) throw new ProtocolError('unknown-type', `peer message ${code}`);
  const message = readMessage(type, reader);
  reader.end();
  return message;
}

function readMessage(type: PeerMessage['type'], reader: ByteReader): PeerMessage {
  switch (type) {
    case 'hello':
      return {
        type,
        version: readVersion(reader),
        instance: readInstanceId(reader),
        packs: readAnnouncedPacks(reader),
      };
    case 'packs':
      return { type, packs: readAnnouncedPacks(reader) };
    case 'bitfield': {
      const pack = readPackNumber(reader);
      if (reader.remaining > MAX_BITFIELD_BYTES) throw new ProtocolError('too-large', 'bitfield');
      return { type, pack, bits: reader.bytes(reader.remaining) };
    }
    case 'have':
      return { type, pack: readPackNumber(reader), ...readRun(reader, limits.MAX_CHUNKS_PER_PACK) };
    case 'request':
      return {
        type,
        request: reader.varint(),
        pack: readPackNumber(reader),
        ...readRun(reader, limits.MAX_CHUNKS_PER_REQUEST),
      };
    case 'cancel':
    case 'reject':
      return { type, request: reader.varint() };
    case 'data':
      return readData(reader);
    case 'ping':
    case 'pong':
      return { type, token: reader.varint() };
    case 'bye':
      return { type };
    case 'pointer':
      if (reader.remaining > limits.MAX_POINTER_BYTES) throw new ProtocolError('too-large', 'pointer');
      return { type, bytes: reader.bytes(reader.remaining) };
    case 'manifest-request':
      return { type, manifest: readSha256(reader), offset: reader.varint(limits.MAX_MANIFEST_BYTES) };
    case 'manifest-part':
      if (reader.remaining > limits.MAX_FRAGMENT_BYTES) throw new ProtocolError('too-large', 'part of a manifest');
      return { type, bytes: reader.bytes(reader.remaining) };
    default:
      return type satisfies never;
  }
}

/** Other versions are refused here: what follows the number is theirs to define. */
function readVersion(reader: ByteReader): number {
  const version = reader.varint();
  if (version !== PROTOCOL_VERSION) throw new ProtocolError('unsupported-version', `peer of version ${version}`);
  return version;
}

function readPackNumber(reader: ByteReader): number {
  return reader.varint(limits.MAX_PACKS - 1);
}

function readRun(reader: ByteReader, maxCount: number): { first: number; count: number } {
  const first = reader.varint(limits.MAX_CHUNKS_PER_PACK - 1);
  const count = reader.varint(maxCount);
  if (count === 0 || first + count > limits.MAX_CHUNKS_PER_PACK) {
    throw new ProtocolError('bad-value', 'run of chunks that is empty or leaves the pack');
  }
  return { first, count };
}

function readData(reader: ByteReader): DataMessage {
  const request = reader.varint();
  const chunk = reader.varint(limits.MAX_CHUNKS_PER_PACK - 1);
  const encoding = encodingOfTag(reader.u8());
  const encodedBytes = reader.varint(limits.MAX_ENCODED_CHUNK_BYTES);
  const offset = reader.varint(limits.MAX_ENCODED_CHUNK_BYTES);
  if (reader.remaining > limits.MAX_FRAGMENT_BYTES) throw new ProtocolError('too-large', 'fragment');
  const bytes = reader.bytes(reader.remaining);
  if (bytes.length === 0 || offset + bytes.length > encodedBytes) {
    throw new ProtocolError('bad-value', 'fragment outside its chunk');
  }
  return { type: 'data', request, chunk, encoding, encodedBytes, offset, bytes };
}

function writeAnnouncedPacks(writer: ByteWriter, packs: readonly AnnouncedPack[]): void {
  writer.varint(packs.length);
  for (const pack of packs) {
    writeSha256(writer, pack.id);
    writer.varint(pack.chunkCount);
  }
}

function readAnnouncedPacks(reader: ByteReader): AnnouncedPack[] {
  const count = reader.varint(limits.MAX_PACKS_PER_MESSAGE);
  const packs: AnnouncedPack[] = [];
  for (let index = 0; index < count; index += 1) {
    packs.push({ id: readSha256(reader), chunkCount: reader.varint(limits.MAX_CHUNKS_PER_PACK) });
  }
  return packs;
}
