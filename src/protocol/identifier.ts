import type { ByteReader, ByteWriter } from './bytes.ts';
import { ProtocolError } from './errors.ts';

/** Lower-case hex of a SHA-256: 64 characters. */
export type Sha256 = string;
/** SHA-256 of a chunk's plain bytes. */
export type ChunkId = Sha256;
/** SHA-256 of a pack's bytes. */
export type PackId = Sha256;
/** Issued by the signaling server for one connection: 32 lower-case hex characters. */
export type PeerId = string;

export const SHA256_BYTES = 32;

const SHA256_PATTERN = /^[0-9a-f]{64}$/;
const PEER_ID_PATTERN = /^[0-9a-f]{32}$/;

export function isSha256(value: unknown): value is Sha256 {
  return typeof value === 'string' && SHA256_PATTERN.test(value);
}

export function isPeerId(value: unknown): value is PeerId {
  return typeof value === 'string' && PEER_ID_PATTERN.test(value);
}

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function toHex(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes) hex += HEX_OF_BYTE[byte];
  return hex;
}

/** @throws ProtocolError `bad-value` unless it is an even number of hex digits. */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex)) throw new ProtocolError('bad-value', 'not hex');
  const bytes = new Uint8Array(hex.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16);
  }
  return bytes;
}

export function readSha256(reader: ByteReader): Sha256 {
  return toHex(reader.bytes(SHA256_BYTES));
}

export function writeSha256(writer: ByteWriter, hash: Sha256): void {
  writer.bytes(fromHex(hash));
}
