import { ProtocolError } from './errors.ts';
import { fromHex, toHex } from './hash-bytes.ts';

/** Numbers of units of a pack as a bit field in lower-case hex: bit 0 of a byte is its lowest-numbered unit, as in `bitfield`. */
export function writeUnits(units: Iterable<number>): string {
  const bytes: number[] = [];
  for (const unit of units) {
    while (bytes.length <= unit >> 3) bytes.push(0);
    bytes[unit >> 3] = (bytes[unit >> 3] as number) | (1 << (unit & 7));
  }
  return toHex(Uint8Array.from(bytes));
}

/**
 * Ascending.
 *
 * @throws ProtocolError `bad-value` unless it is hex without a trailing zero byte
 */
export function readUnits(hex: string): number[] {
  const bytes = fromHex(hex);
  if (bytes.at(-1) === 0) throw new ProtocolError('bad-value', 'units with a trailing zero');
  const units: number[] = [];
  for (const [index, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit += 1) if ((byte & (1 << bit)) !== 0) units.push(index * 8 + bit);
  }
  return units;
}
