import type { ByteReader, ByteWriter } from './bytes.ts';
import { ProtocolError } from './errors.ts';
import { type InstanceId, isPeerId, isSha256, type Sha256 } from './identifier.ts';

/* Apart from `identifier.ts`, which is in what every page loads. */

const SHA256_BYTES = 32;
const INSTANCE_BYTES = 16;

/** Each byte's two digits. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte] as string;
  return text;
}

/** @throws ProtocolError `bad-value` unless it is an even number of hex digits. */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  if (!/^(?:[0-9a-f]{2})*$/i.test(hex)) throw new ProtocolError('bad-value', 'not hex');
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number(`0x${digits}`));
}

export function readSha256(reader: ByteReader): Sha256 {
  return toHex(reader.bytes(SHA256_BYTES));
}

/** @throws RangeError on anything but a SHA-256 in lower-case hex: the caller's mistake. */
export function writeSha256(writer: ByteWriter, hash: Sha256): void {
  if (!isSha256(hash)) throw new RangeError(`"${String(hash)}" is not a SHA-256`);
  writer.bytes(fromHex(hash));
}

export function readInstanceId(reader: ByteReader): InstanceId {
  return toHex(reader.bytes(INSTANCE_BYTES));
}

/** @throws RangeError on anything but 32 lower-case hex characters: the caller's mistake. */
export function writeInstanceId(writer: ByteWriter, instance: InstanceId): void {
  if (!isPeerId(instance)) throw new RangeError(`"${String(instance)}" is not an instance id`);
  writer.bytes(fromHex(instance));
}

/** @param random numbers from 0 up to 1. */
export function newInstanceId(random: () => number): InstanceId {
  return toHex(Uint8Array.from({ length: INSTANCE_BYTES }, () => random() * 256));
}
