import { InvalidArgumentError } from 'commander';

/** Parses an option that is a number of bytes. */
export function parseBytes(value: string): number {
  if (!/^[1-9]\d{0,14}$/.test(value)) throw new InvalidArgumentError('It must be a whole number of bytes above 0.');
  return Number(value);
}
