import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = { '': 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** Parses a number of bytes, or one with a decimal unit such as `10GB` or `1.5 GB`. */
export function parseByteCount(value: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([KMGT]?B)?$/i.exec(value) ?? [];
  const bytes = Math.floor(Number(number) * (UNITS[unit.toUpperCase().replace(/^B$/, '')] ?? Number.NaN));
  if (number !== '' && Number.isSafeInteger(bytes)) return bytes;
  throw new InvalidArgumentError('It must be a number of bytes, or one with a unit such as 10GB.');
}
