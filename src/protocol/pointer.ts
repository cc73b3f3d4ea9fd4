import { ByteReader, ByteWriter } from './bytes.ts';
import { ProtocolError } from './errors.ts';
import { fromHex, readSha256, toHex, writeSha256 } from './hash-bytes.ts';
import type { Sha256 } from './identifier.ts';
import * as limits from './limits.ts';
import { PROTOCOL_VERSION } from './version.ts';

/** What the signed file at the fixed URL says: which manifest is the newest. */
export interface Pointer {
  readonly app: string;
  readonly channel: string;
  readonly sequence: number;
  /** Unix seconds. */
  readonly created: number;
  /** Unix seconds; afterwards nothing is installed from it, and nothing is wiped. */
  readonly expires: number;
  /** Releases below it are withdrawn: neither served to peers nor kept. */
  readonly minimumSequence: number;
  readonly manifestHash: Sha256;
  /** 0: there is no manifest, the app is retired. */
  readonly manifestBytes: number;
}

/** Hex of the first eight bytes of the SHA-256 of a public key: picks the key, proves nothing. */
export type KeyId = string;

export interface PointerSignature {
  readonly key: KeyId;
  /** Ed25519 (RFC 8032), 64 bytes. */
  readonly signature: Uint8Array;
}

/** A pointer file taken apart. `signedBytes` is what the signatures cover; `pointer` is untrusted until one fits. */
export interface SignedPointer {
  readonly pointer: Pointer;
  readonly signedBytes: Uint8Array<ArrayBuffer>;
  readonly signatures: readonly PointerSignature[];
}

/**
 * Highest sequence that is believed: Unix seconds of the year 2514. Publishers count on from Unix seconds; whoever once
 * got hold of the key must not end all later releases by signing the largest number there is.
 */
export const MAX_SEQUENCE = 2 ** 34;

export const KEY_ID_BYTES = 8;
const SIGNATURE_BYTES = 64;
const MAGIC = 0x54535054; // "TSPT"

/** Put before the payload when signing, so that a signature can never stand for another kind of document. */
const SIGNATURE_CONTEXT = Uint8Array.from(`tabseed pointer ${PROTOCOL_VERSION}\n`, (ascii) => ascii.charCodeAt(0));

/** The exact bytes to sign for a pointer. */
export function pointerBytesToSign(pointer: Pointer): Uint8Array<ArrayBuffer> {
  return withContext(encodePayload(pointer));
}

/** Bytes of the pointer file. @throws ProtocolError when a client would refuse it, with the client's reason. */
export function encodePointer(pointer: Pointer, signatures: readonly PointerSignature[]): Uint8Array<ArrayBuffer> {
  const payload = encodePayload(pointer);
  const writer = new ByteWriter().u32(MAGIC).u8(PROTOCOL_VERSION).varint(payload.length).bytes(payload);
  writer.u8(signatures.length);
  for (const { key, signature } of signatures) writer.bytes(fromHex(key)).bytes(signature);
  const bytes = writer.finish();
  decodePointer(bytes);
  return bytes;
}

/** Whether the publisher takes the app away: clients that trust the pointer remove themselves. */
export function isRetirement(pointer: Pointer): boolean {
  return pointer.manifestBytes === 0;
}

/** Takes a pointer file apart; whoever calls must still check a signature. @throws ProtocolError */
export function decodePointer(bytes: Uint8Array): SignedPointer {
  if (bytes.length > limits.MAX_POINTER_BYTES) throw new ProtocolError('too-large', 'pointer');
  const reader = new ByteReader(bytes);
  if (reader.u32() !== MAGIC) throw new ProtocolError('unknown-type', 'not a pointer');
  const formatVersion = reader.u8();
  if (formatVersion !== PROTOCOL_VERSION) {
    throw new ProtocolError('unsupported-version', `pointer version ${formatVersion}`);
  }
  const payload = reader.bytes(reader.varint());
  const count = reader.u8();
  if (count > limits.MAX_SIGNATURES) throw new ProtocolError('too-large', `${count} signatures`);
  const signatures: PointerSignature[] = [];
  for (let index = 0; index < count; index += 1) {
    signatures.push({ key: toHex(reader.bytes(KEY_ID_BYTES)), signature: reader.bytes(SIGNATURE_BYTES) });
  }
  reader.end();
  return { pointer: decodePayload(payload), signedBytes: withContext(payload), signatures };
}

function encodePayload(pointer: Pointer): Uint8Array {
  const writer = new ByteWriter();
  writer.text(pointer.app).text(pointer.channel).varint(pointer.sequence).varint(pointer.created);
  writer.varint(pointer.expires).varint(pointer.minimumSequence);
  writeSha256(writer, pointer.manifestHash);
  return writer.varint(pointer.manifestBytes).finish();
}

function decodePayload(payload: Uint8Array): Pointer {
  const reader = new ByteReader(payload);
  const pointer: Pointer = {
    app: reader.text(limits.MAX_LABEL_BYTES),
    channel: reader.text(limits.MAX_LABEL_BYTES),
    sequence: reader.varint(),
    created: reader.varint(),
    expires: reader.varint(),
    minimumSequence: reader.varint(),
    manifestHash: readSha256(reader),
    manifestBytes: reader.varint(limits.MAX_MANIFEST_BYTES),
  };
  reader.end();
  if (pointer.expires < pointer.created) throw new ProtocolError('bad-value', 'expires before it was created');
  if (pointer.minimumSequence > pointer.sequence) throw new ProtocolError('bad-value', 'withdraws its own release');
  return pointer;
}

function withContext(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SIGNATURE_CONTEXT.length + payload.length);
  bytes.set(SIGNATURE_CONTEXT);
  bytes.set(payload, SIGNATURE_CONTEXT.length);
  return bytes;
}
