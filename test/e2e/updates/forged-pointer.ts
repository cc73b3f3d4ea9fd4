import { decodePointer, encodePointer, type Pointer, pointerBytesToSign } from '../../../src/protocol/pointer.ts';
import { SigningKeys } from '../../../src/publisher/signing-key.ts';

const DAY_SECONDS = 24 * 60 * 60;

/** The pointer of a release's successor, with changes, as whoever holds a key would sign it. */
export function forgedPointer(bytes: Uint8Array, changes: Partial<Pointer>, pem: string): Uint8Array {
  const { pointer } = decodePointer(bytes);
  const changed = { ...pointer, sequence: pointer.sequence + 1, ...changes };
  return encodePointer(changed, SigningKeys.parse(pem).sign(pointerBytesToSign(changed)));
}

/** Of which even the tolerance for wrong clocks, two days, is over. */
export function ended(): Pick<Pointer, 'created' | 'expires'> {
  const expires = Math.floor(Date.now() / 1000) - 3 * DAY_SECONDS;
  return { created: expires - DAY_SECONDS, expires };
}
